"""Robot files (URDF, MJCF) read into links and joints.

May import: nothing of `retarget`.
"""
