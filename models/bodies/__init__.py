"""Bodies in video: landmarks, tracks, and joints lifted to metres.

May import: `perception`.
"""
