"""What a user adds to a dataset's card, told from what we wrote, and put into the next one.

Two places are the user's: keys of the YAML head that we do not write, such as `license`, and what
stands below the mark. A card that was changed elsewhere is the user's as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OWN_KEYS = ("task_categories", "tags", "configs")
"""Keys of the head that we write."""
MARK = "<!-- Yours: what stands below this line is kept when the dataset is published again. -->"

_HEAD = re.compile(rb"---\n(.*?\n)??---\n", re.DOTALL)
_KEY = re.compile(rb"([A-Za-z_][\w-]*)\s*:")
_MARK_LINE = re.compile(rb"^%s(\n|\Z)" % re.escape(MARK.encode()), re.MULTILINE)


@dataclass(frozen=True)
class CardEdits:
    """What is the user's in a card, word for word."""

    keys: bytes = b""
    """Lines of the head."""
    below: bytes = b""
    """Bytes below the mark, which are the user's."""


def split_card(card: bytes) -> tuple[bytes, CardEdits]:
    """A card without what is the user's, and that."""
    mark = _MARK_LINE.search(card)
    end = mark.end() if mark else len(card)
    own, below = card[:end], card[end:]
    head = _HEAD.match(own)
    if head is None:
        return own, CardEdits(below=below)
    kept: list[bytes] = []
    theirs: list[bytes] = []
    target = kept
    for line in (head[1] or b"").splitlines(keepends=True):
        if key := _KEY.match(line):
            target = kept if key[1].decode() in OWN_KEYS else theirs
        target.append(line)
    rest = own[head.end() :]
    own_head = b"---\n" + b"".join(kept) + b"---\n" if kept else b""
    return own_head + rest, CardEdits(b"".join(theirs), below)


def join_card(own: bytes, edits: CardEdits) -> bytes:
    """A card of ours with what is the user's; the inverse of `split_card`."""
    if edits.keys:
        head = _HEAD.match(own)
        lines, rest = (head[1] or b"", own[head.end() :]) if head else (b"", own)
        own = b"---\n" + lines + edits.keys + b"---\n" + rest
    if edits.below and not _MARK_LINE.search(own):
        own += b"\n" + MARK.encode() + b"\n"
    return own + edits.below
