"""What will be seen is predicted, and the action between inferred: a labeler that can act.

May import: `inverse_dynamics`, `labelers`, `training`.
"""
