"""Stretches of datasets that are like a given one.

May import: `rewards`.
"""
