"""Motion tracks: where points of a hand or gripper will be in the picture, as labels for policies.

May import: `perception`.
"""
