"""How things lie and turn: 6-D poses from depth, and the joints by which parts hang on the scene.

May import: `depth`, `perception`, `points`.
"""
