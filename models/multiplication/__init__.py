"""More demonstrations out of a few: the same ways about things that lie elsewhere.

May import: `policy`, `simulators`, `training`.
"""
