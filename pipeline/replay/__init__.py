"""Episodes played back: commands with a ramp, a robot under gravity, scores, film and page."""
