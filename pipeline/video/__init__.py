"""Video in and out: find files, read their facts and frames, write episodes."""
