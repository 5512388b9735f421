"""Smoothing of trajectories with gaps and outliers; every parameter is estimated from the data.

`smooth_vectors` for a few coupled signals such as a position, `smooth_rotations` for orientations,
`smooth_many` for many correlated signals such as hand joints. All look both ways in time.
"""
