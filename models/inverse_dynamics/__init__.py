"""Actions inferred from what changed between frames: networks, kernel ridge, calibrated errors.

May import: `checkpoints`, `encoders`, `labelers`, `latent_actions`, `training`.
"""
