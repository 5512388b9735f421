"""What every learned labeler shares: data, windows, action spaces, the loop, model folders.

May import: `checkpoints`.
"""
