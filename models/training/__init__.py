"""What every learned labeler shares: data, windows, action spaces, the the loop, model folders.

May import: nothing of `models`.
"""
