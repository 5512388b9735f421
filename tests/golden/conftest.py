"""Goldens share makers of test data with the tests of other folders."""

from golden_paths import add_paths

add_paths()
