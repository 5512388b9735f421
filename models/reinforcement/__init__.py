"""Reinforcement learning in simulators, on rewards that demonstrations without actions give.

May import: `policy`, `rewards`, `simulators`, `training`.
"""
