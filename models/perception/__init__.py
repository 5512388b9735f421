"""What hands and bodies share: MediaPipe's runtime, least squares, pose from points.

May import: nothing else of `models`.
"""
