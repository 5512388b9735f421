"""Arrays of any library that follows the array API standard."""

from __future__ import annotations

from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np

Array = Any
"""A NumPy array or a torch tensor, on any device."""


def array_namespace(x: Array) -> Any:
    """The functions of an array's library; those of NumPy without looking for others.

    Short clips are many calls on small arrays, of which looking it up is a tenth.
    """
    return array_api_compat.numpy if type(x) is np.ndarray else array_api_compat.array_namespace(x)
