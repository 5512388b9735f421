"""Policies learned from labeled episodes, by cloning here or in LeRobot, tried in simulators.

May import: `checkpoints`, `simulators`, `training`.
"""
