"""Pretrained and learned perception, and how it is trained."""
