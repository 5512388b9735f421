"""A robot of one's own: its description checked, a configuration proposed.

May import: `description`, `kinematics`, `robots`.
"""
