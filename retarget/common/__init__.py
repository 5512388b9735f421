"""What several retargeters share: confidence, which hand, gaps, a level camera frame.

May import: nothing else of `retarget`.
"""
