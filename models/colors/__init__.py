"""Things told apart by their color, tracked through a video.

May import: nothing else of `models`.
"""
