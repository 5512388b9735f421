"""Simulated tasks with scripted teachers."""
