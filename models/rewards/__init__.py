"""Progress and rewards for the episodes of datasets: what they are judged by, and by what networks.

May import: `checkpoints`, `encoders`, `inverse_dynamics`, `training`.
"""
