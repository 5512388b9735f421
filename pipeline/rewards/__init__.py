"""How far an episode gets along a demonstration, and what a row of it is worth: numbers alone."""
