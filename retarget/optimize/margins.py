"""What is kept free below each limit, so that it also holds after rounding."""

POSITION_MARGIN = 1e-6
"""Kept free at each end of a joint's range [its own unit]: survives rounding to float32."""
VELOCITY_MARGIN = 1e-4
"""Share of each velocity limit kept free: survives float32 at 120 rows per second."""
ACCELERATION_MARGIN = 1e-3
"""Share of each acceleration limit kept free: survives float32 at 120 frames per second if the
limit is 10 rad/s^2 or more."""
