"""Hands in video: landmarks, tracklets, left and right, and joints lifted to meters.

May import: `bodies`, `perception`.
"""
