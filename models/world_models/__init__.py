"""Labelers that model what is seen and done together: networks that predict, infer and act.

May import: `checkpoints`, `inverse_dynamics`, `labelers`, `training`.
"""
