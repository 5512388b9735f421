"""Trajectory optimization: cost terms, an interior point method, banded systems, limits.

May import: `kinematics`, `robots`.
"""
