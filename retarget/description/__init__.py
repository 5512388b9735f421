"""Robot files (URDF, MJCF) read into links and joints.

May import: nothing else of `retarget`.
"""
