"""Motions tried in MuJoCo: tracking, falls, slip, residual wrench.

May import: `description`, `kinematics`, `robots`.
"""
