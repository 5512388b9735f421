"""Networks that turn a picture into a vector: pretrained ones, and principal components.

May import: `checkpoints`, `training`.
"""
