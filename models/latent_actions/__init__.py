"""Latent actions: codes for what changes between two frames, learned without any labels.

May import: `checkpoints`, `encoders`, `training`.
"""
