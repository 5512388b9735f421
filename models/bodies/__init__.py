"""Bodies in video: landmarks, tracks, and joints lifted to meters.

May import: `perception`.
"""
