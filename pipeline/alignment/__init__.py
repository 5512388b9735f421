"""Two series of rows laid onto each other in time."""
