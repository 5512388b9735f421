"""A hand's path followed by a robot arm: base placement, initial guess, trajectory.

May import: `collision`, `common`, `gripper`, `kinematics`, `optimize`, `robots`.
"""
