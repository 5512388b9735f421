"""Words in the names of links: hints where geometry leaves a choice, never more."""

from __future__ import annotations

import re

from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.robots.config import Finger

FINGER_WORDS: dict[Finger, tuple[str, ...]] = {
    "thumb": ("thumb", "th", "thtip"),
    "index": ("index", "ff", "fftip", "forefinger"),
    "middle": ("middle", "mf", "mftip"),
    "ring": ("ring", "rf", "rftip"),
    "little": ("little", "lf", "lftip", "pinky", "pinkie"),
}
"""Words by which robot files call fingers."""

SIDE_WORDS: dict[Side, tuple[str, ...]] = {
    "left": ("left", "lh", "l"),
    "right": ("right", "rh", "r"),
}
"""Words by which robot files call sides."""


def words(name: str) -> list[str]:
    """The words in a name: `Left_indexTip2` holds left, index and tip."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return re.findall(r"[a-z]+", spaced.lower())


def finger_of(link: str) -> Finger | None:
    """The finger that a link's name speaks of, if it speaks of one."""
    said = set(words(link))
    found = [finger for finger, known in FINGER_WORDS.items() if said & set(known)]
    return found[0] if len(found) == 1 else None


def side_of(text: str) -> Side | None:
    """The side that more names speak of, if they speak of one.

    A letter with a number, as in `index_L2`, counts bones.
    """
    said = words(re.sub(r"(?<![A-Za-z])[A-Za-z][0-9]+", " ", text))
    counts = {side: sum(word in known for word in said) for side, known in SIDE_WORDS.items()}
    if counts["left"] == counts["right"]:
        return None
    return "left" if counts["left"] > counts["right"] else "right"
