"""How labelers are trained: labelled data, one loop, checkpoints, scores."""
