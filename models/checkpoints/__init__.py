"""Networks of `transformers` in a folder that the user names; nothing is ever downloaded.

May import: nothing else of `models`.
"""
