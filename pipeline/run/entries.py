"""Which entries of a store were made of a video: keys alone do not tell.

A video's entries are found under any recipe and setting that it was ever labeled with, so that all
of them can be removed with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.run.keys import Keys
from rotoscope.pipeline.store.store import RECORD, Store, content_key


def note_made(store: Store, identity: Identity, sha256: str, keys: Keys, outcome: str) -> None:
    """Puts on record what is about to be made of a video; see `entries_of`.

    Args:
        store: Where it is made.
        identity: Hashes of the file.
        sha256: What stands for the frames that are looked at.
        keys: Keys of all that the recipe gives.
        outcome: Key of what becomes of it.
    """
    digests = {sha256, identity.sha256, identity.own_sha256} - {""}
    record = {
        "made_of": sorted(digests),
        "keys": sorted({keys.clock, keys.episodes, outcome, *keys.stages.values()}),
    }
    store.save_record(content_key({"kind": "made of"} | record), record)


def entries_of(root: Path, digests: Collection[str], keys: Collection[str] = ()) -> list[Path]:
    """The files and folders of a store that were made of a video, in order.

    Args:
        root: The store.
        digests: Hashes that stand for the video.
        keys: Further keys of what was made of it.
    """
    every = set(keys)
    found: set[Path] = set()
    for path in _records(root):
        # Damaged ones too: their seal does not count here.
        text = path.read_bytes().partition(b"\n")[2].decode("utf-8", "replace")
        if any(digest in text for digest in digests):
            found.add(path)
            every |= _keys_in(text)
    for key in every:
        folder = root / key[:2]
        if folder.is_dir():
            # Episodes have the key of their list and a number.
            found |= {p for p in folder.iterdir() if p.name.startswith(key)}
    return sorted(found)


def _records(root: Path) -> Iterator[Path]:
    yield from root.glob(f"??/*{RECORD}")


def _keys_in(text: str) -> set[str]:
    try:
        record = json.loads(text)
    except ValueError:
        return set()
    keys = record.get("keys") if isinstance(record, dict) and "made_of" in record else None
    return {str(key) for key in keys} if isinstance(keys, list) else set()
