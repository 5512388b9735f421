"""Names of the columns that say how far an episode is and what its rows are worth."""

PROGRESS, SIGMA, OFF = "label.progress", "label.progress_sigma", "label.progress_off"
REWARD = "label.reward."
"""What the columns of rewards begin with; the method's name follows."""
