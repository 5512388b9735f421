"""What more demonstrations of a dataset are expected to bring.

May import: `policy`, `simulators`, `training`.
"""
