"""Joint positions of the SMPL family as bare arrays, in an order that their number tells."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.motion.arrays import describe, load_arrays
from rotoscope.pipeline.motion.names import with_middles
from rotoscope.pipeline.motion.notes import NAME
from rotoscope.pipeline.motion.points import FARTHEST, PointMotion
from rotoscope.pipeline.motion.smpl_joints import BODY, LAYOUTS, PARENTS, around
from rotoscope.pipeline.tracks import SIDES

RATE_NAMES = ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate", "rate_hz")
_OMOMO_COLUMNS, _OMOMO_FIRST = 591, 162
_LOOSEST = 0.25
"""Largest spread of a bone's length over its mean, the median over bones: estimates from video
reach 0.1, joints in another order 0.5 and more."""


def find_keypoints(arrays: dict[str, Any], counts: Collection[int]) -> str | None:
    """Name of the array that holds as many joint positions, `None` where none or several could."""
    names = [
        name
        for name, array in arrays.items()
        if (shape := np.shape(array))[2:] == (3,) and len(shape) == 3 and shape[1] in counts
    ]
    wide = [name for name, a in arrays.items() if np.shape(a)[1:] == (_OMOMO_COLUMNS,)]
    found = names or wide
    return found[0] if len(found) == 1 else None


def read_keypoints(
    path: Path, arrays: dict[str, Any], *, names: tuple[str, ...] | None = None
) -> PointMotion:
    """A person's joints from an array shaped (time, 22 | 24 | 45 | 52 | 55, 3), or as named.

    Files with 591 numbers a frame are OMOMO clips in InterMimic's layout. Foot contacts are taken
    from `left_foot_contact.npy` and `right_foot_contact.npy` beside the file, where they are there.

    Raises:
        MotionError: There is not one such array, its joints are in no known order, or the contacts
            have another length.
    """
    counts = sorted({len(v) for v in LAYOUTS.values()} if names is None else {len(names)})
    name = find_keypoints(arrays, counts)
    if name is None:
        sizes = ", ".join(map(str, counts))
        raise MotionError(
            f"{path.name} holds {describe(arrays)}: neither SMPL parameters (poses, trans) nor "
            f"exactly one array of joint positions of shape (time, joints, 3) with {sizes} joints; "
            f"`points: [...]` in {NAME} beside the file names the points of another order"
        )
    points = np.asarray(arrays[name], dtype=np.float64)
    if points.ndim == 2:
        last = _OMOMO_FIRST + 3 * len(LAYOUTS["SMPL-H by limbs"])
        points = points[:, _OMOMO_FIRST:last].reshape(len(points), -1, 3)
    if names is not None:
        return PointMotion(
            format=path.suffix[1:].lower(),
            names=names,
            points=points,
            rate_hz=rate_of(arrays),
            contact=_contact(path, len(points)),
            usual_up="z",
        )
    kind = _layout_of(path, points)
    return PointMotion(
        format=path.suffix[1:].lower(),
        names=LAYOUTS[kind],
        points=points,
        rate_hz=rate_of(arrays),
        joints=with_middles(around(LAYOUTS[kind])),
        skeleton=f"{kind} joints",
        contact=_contact(path, len(points)),
        usual_up="z",
    )


def contact_files(path: Path) -> tuple[Path, ...]:
    """Files beside keypoints that say when each foot stands, left and right; none or both."""
    names = tuple(f"{side}_foot_contact.npy" for side in SIDES)
    if path.name in names or not all(path.with_name(name).is_file() for name in names):
        return ()
    return tuple(beside(path, name, what="the contacts", error=MotionError) for name in names)


def rate_of(arrays: dict[str, Any]) -> float | None:
    """Frames per second [Hz] that a file states, `None` where it does not."""
    for name in RATE_NAMES:
        if name in arrays and np.size(arrays[name]) == 1:
            rate_hz = float(np.ravel(arrays[name])[0])
            if not 1 <= rate_hz <= 2000:
                raise MotionError(f"{name} is {rate_hz:g}; it must lie between 1 and 2000 Hz")
            return rate_hz
    return None


def _layout_of(path: Path, points: Float[np.ndarray, "time point 3"]) -> str:
    spreads = {
        kind: _spread(points, layout)
        for kind, layout in LAYOUTS.items()
        if len(layout) == points.shape[1]
    }
    kind = min(spreads, key=lambda k: spreads[k])
    if not spreads[kind] <= _LOOSEST:
        raise MotionError(
            f"{path.name}: {points.shape[1]} joints in the order of {kind} have bones whose "
            f"lengths vary by {spreads[kind]:.0%}, {_LOOSEST:.0%} is allowed: the joints are in "
            "another order, or the array holds no positions"
        )
    return kind


def _spread(points: Float[np.ndarray, "time point 3"], layout: tuple[str, ...]) -> float:
    finite = points[(np.abs(points) < FARTHEST).all(axis=(1, 2))]
    if not len(finite):
        return np.inf
    pairs = [
        (layout.index(n), layout.index(BODY[p])) for n, p in zip(BODY[1:], PARENTS[1:], strict=True)
    ]
    lengths = np.stack([np.linalg.norm(finite[:, a] - finite[:, b], axis=1) for a, b in pairs])
    mean = lengths.mean(axis=1)
    return float(np.median(lengths.std(axis=1) / np.maximum(mean, 1e-9))) if mean.all() else np.inf


def _contact(path: Path, num_frames: int) -> Bool[np.ndarray, "time 2"] | None:
    files = contact_files(path)
    flags = [np.asarray(load_arrays(file)[""]) for file in files]
    for file, flag in zip(files, flags, strict=True):
        if flag.shape != (num_frames,):
            raise MotionError(
                f"{file.name} has shape {flag.shape}, {path.name} has {num_frames} frames: it must "
                f"be ({num_frames},)"
            )
    return np.stack(flags, axis=1).astype(bool) if flags else None
