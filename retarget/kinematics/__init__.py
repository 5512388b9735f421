"""Forward kinematics of robots, an arm being a tree without branches.

May import: `description`.
"""
