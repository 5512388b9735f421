"""Hands at the distance that a depth sensor, or a network, measured.

May import: `checkpoints`.
"""
