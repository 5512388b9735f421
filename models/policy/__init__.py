"""Policies learned from labeled episodes, by cloning here or in LeRobot, tried in simulators.

May import: `checkpoints`, `encoders`, `latent_actions`, `simulators`, `training`.
"""
