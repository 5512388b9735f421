"""Smoothing of trajectories with gaps and outliers; every parameter is estimated from the data.

`smooth_vectors` for a few coupled signals such as a position, `smooth_rotations` for orientations,
`smooth_multivariate` for many correlated signals such as hand joints. All look both ways in time.
"""

from rotoscope.pipeline.smoothing.multivariate import SmoothedMultivariate, smooth_multivariate
from rotoscope.pipeline.smoothing.rotations import SmoothedRotations, smooth_rotations
from rotoscope.pipeline.smoothing.vectors import Smoothed, smooth_vectors

__all__ = [
    "Smoothed",
    "SmoothedMultivariate",
    "SmoothedRotations",
    "smooth_multivariate",
    "smooth_rotations",
    "smooth_vectors",
]
