"""What becomes a column of the dataset beside images, state and action: one module per subject."""
