"""Points followed through a clip, through what hides them too.

May import: `camera`, `checkpoints`.
"""
