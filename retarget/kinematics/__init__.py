"""Forward and inverse kinematics of chains and trees.

May import: `description`.
"""
