"""Simulators in which labels and policies are scored against true actions, and their recorder.

May import: nothing else of `models`.
"""
