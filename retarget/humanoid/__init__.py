"""From a person to a humanoid: limbs, footholds, balance.

May import: `common`, `description`, `ground`, `kinematics`, `optimize`, `robots`.
"""
