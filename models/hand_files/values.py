"""Arrays out of what files hold, with a sentence where they are not what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.hand_files.mano import NUM_BETAS, ManoPose
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3


def numbers(value: Any, what: str) -> np.ndarray:
    """A value as an array of floats.

    Raises:
        MotionError: It is none.
    """
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "c":
            raise TypeError("they are complex")
        return raw.astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise MotionError(f"{what} must be numbers: {error}") from error


def number(value: Any, what: str) -> float:
    """The first of the numbers that a network gives for one hand.

    Raises:
        MotionError: It is none, or not finite.
    """
    out = numbers(value, what).ravel()
    if not len(out) or not np.isfinite(out[0]):
        raise MotionError(f"{what} must be a finite number, got {out[:1]}")
    return float(out[0])


def shaped(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A value as finite numbers of one shape, axes of length one aside.

    Raises:
        MotionError: It has another shape, or holds NaN.
    """
    out = numbers(value, what)
    if out.size != int(np.prod(shape)) or not np.isfinite(out).all():
        raise MotionError(
            f"{what} must be finite numbers of shape {shape}, got shape {out.shape}"
            + ("" if np.isfinite(out).all() else " with NaN or infinity")
        )
    return out.reshape(shape)


def rows(
    found: Mapping[str, Any], key: str, num_rows: int, tail: tuple[int, ...], what: str
) -> np.ndarray | None:
    """One entry per hand found; `None` where the file has none of that name.

    Raises:
        MotionError: It has another shape.
    """
    if key not in found:
        return None
    out = numbers(found[key], f"{what}: {key}")
    if out.shape != (num_rows, *tail):
        raise MotionError(
            f"{what}: {key} is shaped {out.shape}, wanted is one row for each of the {num_rows} "
            f"hands that side names: {(num_rows, *tail)}"
        )
    return out


def sides(value: Any, what: str) -> Bool[np.ndarray, " row"]:
    """Which rows are right hands: from 'left' and 'right', or from 0 and 1 as networks write it.

    Raises:
        MotionError: Something else stands there.
    """
    try:
        array = np.atleast_1d(np.asarray(value)).ravel()
    except ValueError as error:
        raise MotionError(f"{what} must be one value per hand: {error}") from error
    if array.dtype.kind in "biuf":
        is_known = np.isin(array, (0, 1))
        out = array == 1
    else:
        text = np.char.lower(array.astype(str))
        is_known, out = np.isin(text, ("left", "right")), text == "right"
    if not is_known.all():
        raise MotionError(
            f"{what} must be 'left' or 'right' (or 0 and 1), got {array[~is_known][0]!r}"
        )
    return np.asarray(out, bool)


def rotation_vectors(value: Any, num: int, what: str) -> Float[np.ndarray, "row num 3"]:
    """Rotations as vectors [rad], from vectors or matrices.

    Raises:
        MotionError: They are neither.
    """
    array = numbers(value, what)
    rows = len(array) if array.ndim else 0
    if rows and array.size == rows * num * 9:
        matrices = array.reshape(rows, num, 3, 3)
        error = np.abs(matrices @ np.swapaxes(matrices, -1, -2) - np.eye(3)).max()
        if not error < 1e-2:
            raise MotionError(f"{what}: matrices are no rotations (error {error:.3g})")
        return np.asarray(se3.log_so3(matrices))
    if rows and array.size == rows * num * 3:
        return array.reshape(rows, num, 3)
    raise MotionError(
        f"{what} must hold {num} rotation vectors or matrices a row, got shape {array.shape}"
    )


def mano_pose(found: Mapping[str, Any], num_rows: int, what: str) -> ManoPose | None:
    """MANO parameters by their usual names; `None` where there are none.

    Raises:
        MotionError: Some are there but not all, or not of a usable shape.
    """
    names = ("global_orient", "hand_pose", "betas", "transl")
    there = [name for name in names if name in found]
    if not there:
        return None
    if len(there) < len(names):
        raise MotionError(
            f"{what} has {there} of MANO's parameters; all of {list(names)} are needed"
        )
    betas = numbers(found["betas"], f"{what}: betas")
    if betas.shape[-1:] != (NUM_BETAS,) or betas.size not in (NUM_BETAS, num_rows * NUM_BETAS):
        raise MotionError(f"{what}: betas must be {NUM_BETAS} numbers, got shape {betas.shape}")
    betas = np.broadcast_to(betas.reshape(-1, NUM_BETAS), (num_rows, NUM_BETAS))
    transl = numbers(found["transl"], f"{what}: transl").reshape(-1, 3)
    orient = rotation_vectors(found["global_orient"], 1, f"{what}: global_orient")[:, 0]
    fingers = rotation_vectors(found["hand_pose"], 15, f"{what}: hand_pose")
    if {len(orient), len(fingers), len(transl)} != {num_rows}:
        raise MotionError(
            f"{what}: MANO's parameters have {len(orient)}, {len(fingers)} and {len(transl)} rows, "
            f"{num_rows} are wanted"
        )
    return ManoPose(orient, fingers, betas, transl)
