"""Robots in pictures.

May import: `description`, `hand`, `kinematics`, `robots`.
"""
