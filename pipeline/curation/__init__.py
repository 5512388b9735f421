"""What the episodes of a dataset are worth before a policy learns from them; what is left out."""
