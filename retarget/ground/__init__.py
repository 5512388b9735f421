"""Where the ground is, which way is down, and which foot stands on it.

May import: `common`.
"""
