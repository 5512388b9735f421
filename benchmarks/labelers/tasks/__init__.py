"""Simulated tasks with scripted experts."""
