"""Robots as configured: arms and trees with joints, limits and named frames, and the shipped ones.

May import: `description`, `kinematics`.
"""
