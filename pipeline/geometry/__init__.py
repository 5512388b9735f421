"""Rigid motions, hand frames and cameras, in plain numpy."""
