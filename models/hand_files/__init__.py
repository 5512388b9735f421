"""Hands that another program tracked, read from its file beside the video; no file is run.

May import: `hands`.
"""
