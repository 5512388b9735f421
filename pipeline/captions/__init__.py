"""Texts about videos, written beside them: from a table, from names, or from a language model."""
