"""Several cameras of one scene: calibration, clocks, and landmarks placed from all of them.

May import: `bodies`, `camera`, `perception`, `points`.
"""
