"""Two datasets, or two labelers of one: how far they agree, where not, and what was changed."""
