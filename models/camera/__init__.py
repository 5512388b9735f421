"""How the camera of a clip moves, told from the background of its pictures.

May import: `perception`.
"""
