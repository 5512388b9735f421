"""Labelers beside each other, scored against true actions: on simulators and on datasets.

May import: `labelers`, `policy`, `simulators`, `training`.
"""
