"""Tracks and labels added to a dataset that is there already."""
