"""Stored results of stages, by content: sealed, found again, cared for."""
