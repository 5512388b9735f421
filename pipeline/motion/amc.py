"""AMC files: the angles of an Acclaim skeleton over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.asf import Skeleton, find_asf, read_asf
from rotoscope.pipeline.motion.numbers import read_text, to_numbers
from rotoscope.pipeline.motion.points import PointMotion
from rotoscope.pipeline.motion.rotate import chained

_USUAL_RATE_HZ = 120.0
"""Rate of the CMU library [Hz], where nearly all AMC files come from."""


def read_amc(path: Path) -> PointMotion:
    """Beginning and end of every bone over time, named after it and with `_end` behind.

    AMC files hold no frame rate; the usual one is that of the CMU library.

    Raises:
        MotionError: The file or its ASF skeleton is not there, damaged, or the two do not belong
            together.
    """
    asf = find_asf(path)
    if asf is None:
        stem = path.stem.rpartition("_")[0] or path.stem
        raise MotionError(
            f"{path.name} needs its skeleton beside it: there is neither {path.stem}.asf nor "
            f"{stem}.asf, nor exactly one ASF file in {path.parent}; put it there"
        )
    skeleton = read_asf(asf)
    rows = _rows(path, skeleton, asf.name)
    begin, end = _forward(skeleton, rows)
    names = [bone.name for bone in skeleton.bones]
    return PointMotion(
        format="amc",
        names=(*names, *(f"{name}_end" for name in names)),
        points=np.concatenate([begin, end], axis=1),
        rate_hz=None,
        usual_rate_hz=_USUAL_RATE_HZ,
        unit=skeleton.unit,
    )


def _rows(path: Path, skeleton: Skeleton, asf_name: str) -> dict[str, np.ndarray]:
    """Numbers of each bone, shape (time, channels), lengths in the file's unit, angles in rad."""
    widths = {bone.name: len(bone.channels) for bone in skeleton.bones if bone.channels}
    words: dict[str, list[str]] = {name: [] for name in widths}
    degrees, num_frames = skeleton.degrees, 0
    for line in read_text(path).splitlines():
        name, *numbers = line.partition("#")[0].split() or [":"]
        if name.startswith(":"):
            degrees = {":radians": False, ":degrees": True}.get(name.lower(), degrees)
        elif name.isdigit() and not numbers:
            _check_frame(path, words, widths, num_frames)
            num_frames += 1
        elif name not in widths or len(numbers) != widths[name]:
            raise MotionError(
                f"{path.name}, frame {num_frames}: {line.strip()[:40]!r} does not fit {asf_name}, "
                f"which has {widths.get(name, 0)} numbers for a bone {name!r}; the file was cut "
                "off or belongs to another skeleton"
            )
        else:
            words[name] += numbers
    _check_frame(path, words, widths, num_frames)
    if not num_frames:
        raise MotionError(f"{path.name} holds no frames; it is empty or was cut off")
    rows = {
        name: to_numbers(path, words[name], f"bone {name!r}").reshape(num_frames, width)
        for name, width in widths.items()
    }
    for bone in skeleton.bones if degrees else ():
        for column, channel in enumerate(bone.channels):
            if channel.startswith("r"):
                rows[bone.name][:, column] = np.radians(rows[bone.name][:, column])
    return rows


def _check_frame(
    path: Path, words: dict[str, list[str]], widths: dict[str, int], num_frames: int
) -> None:
    missing = [name for name in widths if len(words[name]) != num_frames * widths[name]]
    if missing:
        raise MotionError(
            f"{path.name}, frame {num_frames}: bones are missing or stand twice, the first is "
            f"{missing[0]!r}; the file was cut off or belongs to another skeleton"
        )


def _forward(
    skeleton: Skeleton, rows: dict[str, np.ndarray]
) -> tuple[Float[np.ndarray, "time bone 3"], Float[np.ndarray, "time bone 3"]]:
    num_frames, bones = len(rows[skeleton.bones[0].name]), skeleton.bones
    begin = np.zeros((num_frames, len(bones), 3))
    end = np.zeros_like(begin)
    R = np.empty((len(bones), num_frames, 3, 3))
    for number, bone in enumerate(bones):
        values = rows.get(bone.name, np.zeros((num_frames, 0)))
        # The first angle turns first, about axes that stay: its factor stands rightmost.
        turning = [c for c in reversed(range(len(bone.channels))) if bone.channels[c][0] == "r"]
        turn = chained("".join(bone.channels[c][1] for c in turning), values[:, turning])
        moved = np.zeros((num_frames, 3))
        for column, channel in enumerate(bone.channels):
            if channel.startswith("t"):
                moved[:, "xyz".index(channel[1])] = values[:, column]
        outer = R[bone.parent] if bone.parent >= 0 else np.broadcast_to(np.eye(3), turn.shape)
        origin = end[:, bone.parent] if bone.parent >= 0 else begin[:, number]
        begin[:, number] = origin + (outer @ moved[..., None])[..., 0]
        R[number] = outer @ bone.axes @ turn @ bone.axes.T
        end[:, number] = begin[:, number] + R[number] @ bone.vector
    return begin, end
