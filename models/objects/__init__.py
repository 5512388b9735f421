"""Things that hands move: which pixels they are, when they are touched, where they go.

May import: `camera`, `checkpoints`, `perception`.
"""
