"""Behavioral cloning from observation: labels and policy in turns (Torabi et al. 2018).

May import: `inverse_dynamics`, `policy`, `simulators`, `training`.
"""
