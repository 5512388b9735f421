"""Arrays of any library that follows the array API standard."""

from __future__ import annotations

from typing import Any

Array = Any
"""A NumPy array or a torch tensor, on any device."""
