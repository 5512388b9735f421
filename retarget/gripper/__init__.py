"""From a hand to a two-finger gripper: pose, opening, grasps.

May import: `optimize`.
"""
