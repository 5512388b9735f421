"""From a human hand to a robot hand with fingers.

May import: `arm`, `common`, `description`, `kinematics`, `optimize`, `robots`.
"""
