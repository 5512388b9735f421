"""ASF files: the bones of an Acclaim skeleton, which the motion of an AMC file turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.motion.motion import Unit
from rotoscope.pipeline.motion.numbers import read_text, to_numbers
from rotoscope.pipeline.motion.rotate import chained

ROOT = "root"
CHANNELS = ("rx", "ry", "rz", "tx", "ty", "tz")
_CMU_LENGTH = "0.45"

_Words = dict[str, list[str]]
"""Lines of a section or a block by their first word."""


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone of the skeleton; the root is one of no length."""

    name: str
    """Name in both files."""
    parent: int
    """Number of the bone at whose end this one begins; -1 for the root."""
    vector: Float[np.ndarray, " 3"]
    """From the bone's beginning to its end at rest, in the file's unit."""
    axes: Float[np.ndarray, "3 3"]
    """Axes that the bone's angles turn about, as columns, at rest."""
    channels: tuple[str, ...]
    """What the numbers of a frame mean, in order: `rx` to `tz`."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The bones of a person."""

    bones: tuple[Bone, ...]
    """The root, then all others, parents before children."""
    unit: Unit
    """`cmu` for the scale of the CMU library, else `auto`."""
    degrees: bool
    """Whether the skeleton's angles are in degrees."""


def read_asf(path: Path) -> Skeleton:
    """The skeleton of an ASF file.

    Raises:
        MotionError: It is not there, damaged, or its hierarchy names bones that it does not have.
    """
    sections = _sections(path)
    units = _by_first_word(sections["units"])
    degrees = units.get("angle", ["deg"])[0].lower().startswith("deg")
    blocks = _blocks(path, sections["bonedata"])
    root = _by_first_word(sections["root"])
    bones = [
        Bone(
            name=ROOT,
            parent=-1,
            vector=np.zeros(3),
            axes=_axes(path, root.get("orientation", ["0"] * 3), root.get("axis"), degrees),
            channels=_channels(path, ROOT, root.get("order", [])),
        )
    ]
    for parent, child in _pairs(path, sections["hierarchy"]):
        number = next((i for i, bone in enumerate(bones) if bone.name == parent), None)
        if number is None or child not in blocks:
            raise MotionError(
                f"{path.name}: the hierarchy hangs bone {child!r} on {parent!r}; bones are "
                f"{quoted([ROOT, *blocks])}, and a parent must come before its children"
            )
        bones.append(_bone(path, child, number, blocks[child], degrees))
    return Skeleton(
        tuple(bones), "cmu" if units.get("length") == [_CMU_LENGTH] else "auto", degrees
    )


def find_asf(path: Path) -> Path | None:
    """The skeleton file of an AMC file: `11.asf` or `11_01.asf` beside `11_01.amc`.

    Where there is neither, the only ASF file of the folder; `None` where there is no such file.

    Raises:
        MotionError: It is a link that leads elsewhere.
    """
    here = sorted(file for file in path.parent.glob("*") if file.suffix.lower() == ".asf")
    stems = {file.stem.lower(): file for file in reversed(here)}
    stem = path.stem.lower()
    named = stems.get(stem) or stems.get(stem.rpartition("_")[0])
    found = named or (here[0] if len(here) == 1 else None)
    if found is None:
        return None
    return beside(path, found.name, what="the skeleton", error=MotionError)


def _sections(path: Path) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in read_text(path).splitlines():
        words = line.partition("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    missing = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in sections]
    if missing:
        raise MotionError(
            f"{path.name} is no ASF skeleton or was cut off: the sections {quoted(missing)} are "
            f"not there, found were {quoted(sections)}"
        )
    return sections


def _by_first_word(lines: list[list[str]]) -> _Words:
    return {words[0].lower(): words[1:] for words in lines}


def _blocks(path: Path, lines: list[list[str]]) -> dict[str, _Words]:
    blocks: dict[str, _Words] = {}
    block: list[list[str]] = []
    for words in lines:
        if words[0].lower() == "begin":
            block = []
        elif words[0].lower() == "end":
            found = _by_first_word(block)
            if not found.get("name"):
                raise MotionError(f"{path.name}: a bone has no name; the file is damaged")
            blocks[found["name"][0]] = found
        else:
            block.append(words)
    return blocks


def _pairs(path: Path, lines: list[list[str]]) -> list[tuple[str, str]]:
    if not lines or lines[-1] != ["end"]:
        raise MotionError(f"{path.name}: the hierarchy does not end with 'end'; it was cut off")
    return [(words[0], child) for words in lines for child in words[1:]]


def _bone(path: Path, name: str, parent: int, block: Mapping[str, list[str]], deg: bool) -> Bone:
    missing = [key for key in ("direction", "length", "axis") if key not in block]
    if missing:
        raise MotionError(f"{path.name}: bone {name!r} has no {quoted(missing)}")
    (length,) = to_numbers(path, block["length"][:1], f"the length of {name!r}")
    *angles, order = block["axis"]
    return Bone(
        name=name,
        parent=parent,
        vector=_three(path, block["direction"], f"the direction of {name!r}") * length,
        axes=_axes(path, angles, [order], deg),
        channels=_channels(path, name, block.get("dof", [])),
    )


def _channels(path: Path, name: str, words: list[str]) -> tuple[str, ...]:
    channels = tuple(word.lower() for word in words)
    wrong = [channel for channel in channels if channel not in CHANNELS]
    if wrong:
        raise MotionError(
            f"{path.name}: bone {name!r} has the channels {quoted(wrong)}; channels are "
            f"{quoted(CHANNELS)}"
        )
    return channels


def _axes(path: Path, angles: list[str], order: list[str] | None, degrees: bool) -> np.ndarray:
    turns = _three(path, angles, "an axis")
    letters = (order or ["xyz"])[0].lower()
    if sorted(letters) != list("xyz"):
        raise MotionError(f"{path.name}: an axis has order {letters!r}; it must name x, y and z")
    by_letter = dict(zip(letters, np.radians(turns) if degrees else turns, strict=True))
    # `XYZ` turns about the fixed x first: that factor stands rightmost.
    last_first = letters[::-1]
    return chained(last_first, np.array([[by_letter[letter] for letter in last_first]]))[0]


def _three(path: Path, words: list[str], what: str) -> np.ndarray:
    numbers = to_numbers(path, words, what)
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise MotionError(f"{path.name}: {what} must be three numbers, got {' '.join(words)!r}")
    return numbers
