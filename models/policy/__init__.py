"""Policies learned from labeled episodes, by cloning here or in LeRobot, tried in simulators.

May import: `checkpoints`, `encoders`, `labelers`, `latent_actions`, `simulators`, `training`.
"""
