"""From a person to a humanoid: limbs, footholds, balance.

May import: `common`, `ground`, `robots`, `kinematics`, `optimize`.
"""
