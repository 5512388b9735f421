"""From a person to a humanoid: limbs, footholds, balance.

May import: `arm`, `description`, `ground`, `kinematics`, `optimize`, `robots`.
"""
