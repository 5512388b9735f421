"""SMPL-X body models fitted to tracked landmarks.

May import: `bodies`, `perception`.
"""
