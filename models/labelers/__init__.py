"""What every labeler is, whoever wrote it: named, trained, saved, asked and checked in one way.

May import: `checkpoints`, `encoders`, `training`.
"""
