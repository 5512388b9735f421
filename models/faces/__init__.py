"""Faces, found so that published frames can hide them.

May import: nothing else of `models`.
"""
