"""Robots in pictures.

May import: `description`, `robots`, `kinematics`.
"""
