"""Robot states read off tracks, for labelers that take states.

May import: `labelers`, `training`.
"""
