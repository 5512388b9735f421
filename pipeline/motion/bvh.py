"""BVH files: a tree of joints with any channels in any order, then one line of numbers a frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.motion.names import plain
from rotoscope.pipeline.motion.numbers import frame_rate, read_text, to_numbers
from rotoscope.pipeline.motion.points import PointMotion
from rotoscope.pipeline.motion.rotate import rotation_about

_CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "xyz")


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)


def read_bvh(path: Path) -> PointMotion:
    """Every joint and end site of a BVH file over time, in the file's own unit and axes.

    An end site is named after its joint with `_end` behind. A joint's position channels stand in
    the place of its offset; rotations are applied in the order in which the channels are listed,
    each about the axis as the ones before have turned it.

    Raises:
        MotionError: No BVH file, cut off, with channels that are not known, or with a frame time
            that cannot be.
    """
    head, found, body = read_text(path).partition("MOTION")
    if not found or not head.lstrip().upper().startswith("HIERARCHY"):
        raise MotionError(
            f"{path.name} is no BVH file or was cut off: it must begin with HIERARCHY and hold a "
            f"MOTION part, it begins with {head[:30]!r}"
        )
    joints = _parse_tree(path, head.split()[1:])
    num_channels = sum(len(joint.channels) for joint in joints)
    rows, rate_hz = _parse_motion(path, body, num_channels)
    lengthened = _lengthen_chest(joints)
    return PointMotion(
        format="bvh",
        names=tuple(joint.name for joint in joints),
        points=_forward(joints, rows),
        rate_hz=rate_hz,
        assumed=lengthened,
    )


def _lengthen_chest(joints: list[_Joint]) -> tuple[str, ...]:
    """Gives an upper spine without length that of the bone below it; says so.

    The BVH of the CMU library put neck and collarbones where the topmost bone of the spine begins,
    and lost that bone: 12 cm of the trunk, which leans 4 degrees more for it. The library's ASF
    skeletons have three bones of about equal length there.
    """
    for chest, joint in enumerate(joints):
        above = [other for other in joints if other.parent == chest]
        names = {plain(other.name) for other in above}
        is_lost = names >= {"leftshoulder", "rightshoulder"} and len(names) > 2
        if not is_lost or any(other.offset.any() for other in above) or not joint.offset.any():
            continue
        for other in above:
            other.offset = joint.offset.copy()
        return (
            f"the bone above {joint.name!r}, of no length in the file, is as long as the one below",
        )
    return ()


def _parse_tree(path: Path, tokens: list[str]) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    words = iter(tokens)
    try:
        for word in words:
            kind = word.upper()
            if kind in ("ROOT", "JOINT", "END"):
                name = " ".join(iter(lambda: next(words), "{"))
                parent = stack[-1] if stack else -1
                is_end = kind == "END" and bool(stack)
                joints.append(_Joint(f"{joints[parent].name}_end" if is_end else name, parent))
                stack.append(len(joints) - 1)
            elif kind == "}" and stack:
                stack.pop()
            elif kind == "OFFSET" and stack:
                joints[stack[-1]].offset = to_numbers(path, _take(words, 3), "an OFFSET")
            elif kind == "CHANNELS" and stack:
                joints[stack[-1]].channels = _channels(path, words)
            else:
                raise MotionError(
                    f"{path.name}: {word[:30]!r} stands where ROOT, JOINT, End, OFFSET, CHANNELS "
                    "or a brace must; the hierarchy is damaged"
                )
    except StopIteration:
        raise MotionError(f"{path.name}: the hierarchy ends in the middle of a joint") from None
    if stack or not joints:
        raise MotionError(f"{path.name}: the hierarchy is cut off, {len(stack)} braces are open")
    return joints


def _take(words: Iterator[str], count: int) -> list[str]:
    return [next(words) for _ in range(count)]


def _channels(path: Path, words: Iterator[str]) -> list[str]:
    (count,) = to_numbers(path, [next(words)], "a number of CHANNELS")
    if count not in range(7):
        raise MotionError(f"{path.name}: a joint has {count:g} channels; 0 to 6 are allowed")
    channels = [word.lower() for word in _take(words, int(count))]
    for channel in channels:
        if channel not in _CHANNELS:
            raise MotionError(
                f"{path.name}: channel {channel!r} is not known; channels are {quoted(_CHANNELS)}"
            )
    return channels


def _parse_motion(path: Path, text: str, num_channels: int) -> tuple[np.ndarray, float]:
    match = re.match(r"\s*Frames:\s*(\S+)\s+Frame\s+Time:\s*(\S+)", text, re.IGNORECASE)
    if match is None:
        raise MotionError(f"{path.name}: 'Frames:' and 'Frame Time:' must follow MOTION")
    frames, frame_time_s = to_numbers(path, match.groups(), "the MOTION header")
    values = to_numbers(path, text[match.end() :].split(), "a frame")
    if not frames >= 1:
        raise MotionError(f"{path.name} announces {frames:g} frames; at least 1 must be there")
    if len(values) != frames * num_channels:
        raise MotionError(
            f"{path.name} announces {frames:g} frames of {num_channels} channels, which makes "
            f"{frames * num_channels:g} numbers, and holds {len(values)} "
            f"({len(values) / max(num_channels, 1):.2f} frames); it was cut off, or its hierarchy "
            "belongs to another file"
        )
    return values.reshape(int(frames), num_channels), frame_rate(path, float(frame_time_s))


def _forward(joints: list[_Joint], rows: np.ndarray) -> Float[np.ndarray, "time point 3"]:
    num_frames = len(rows)
    points = np.empty((num_frames, len(joints), 3))
    R = np.empty((len(joints), num_frames, 3, 3))
    first = 0
    for index, joint in enumerate(joints):
        local = np.tile(joint.offset, (num_frames, 1))
        turn = np.broadcast_to(np.eye(3), (num_frames, 3, 3))
        for column, channel in enumerate(joint.channels, start=first):
            axis = "xyz".index(channel[0])
            if channel.endswith("position"):
                local[:, axis] = rows[:, column]
            else:
                turn = turn @ rotation_about(axis, np.radians(rows[:, column]))
        first += len(joint.channels)
        if joint.parent < 0:
            points[:, index], R[index] = local, turn
        else:
            outer = R[joint.parent]
            points[:, index] = points[:, joint.parent] + (outer @ local[..., None])[..., 0]
            R[index] = outer @ turn
    return points
