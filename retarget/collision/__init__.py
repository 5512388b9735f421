"""Where parts of a robot overlap each other or what they stand on.

May import: `description`, `kinematics`, `optimize`, `robots`.
"""
