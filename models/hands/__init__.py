"""Hands in video: landmarks, tracklets, left and right, and joints lifted to metres.

May import: `perception`.
"""
