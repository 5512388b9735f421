"""From a person to a humanoid: limbs, footholds, balance.

May import: `collision`, `common`, `description`, `ground`, `kinematics`, `optimize`, `robots`.
"""
