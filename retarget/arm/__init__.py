"""A hand's path followed by a robot arm: base placement, initial guess, trajectory.

May import: `common`, `gripper`, `kinematics`, `optimize`, `robots`.
"""
