"""Actions inferred from what changed between frames: networks, kernel ridge, calibrated errors.

May import: `encoders`, `latent_actions`, `training`.
"""
