"""Checks of a written LeRobot v3 dataset: is it what it says it is, and fit to train on."""
