"""Motions tried in MuJoCo: tracking, falls, slip, residual wrench.

May import: `common`, `description`, `robots`, `kinematics`.
"""
