"""Datasets in object storage: there whole or not at all.

What makes a folder a LeRobot dataset is `meta/info.json`. It is written last, when every other file
is known to be there in full; where a dataset is replaced, new files are sent aside first, then the
old `meta/info.json` goes, the files are put in place by copies within the store, and the new one
comes. Whoever is killed on the way leaves no dataset, never half of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.files.atomic import atomic_path, write_text_atomic
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import inside, walk
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.remote.cache import FETCHED
from rotoscope.pipeline.remote.objects import ObjectFacts, Objects
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Url

INFO = "meta/info.json"
SENT = "sent.json"
"""Beside a dataset, in `NAME.rotoscope/`: names and hashes of the files that were sent last."""
AT_ONCE = 4
"""Files that are sent, fetched or copied at the same time."""
_SHOWN = 3


@dataclass(frozen=True)
class Sent:
    """What sending a dataset took."""

    files: int
    """Files of the dataset."""
    sent: int
    """Those that were not there yet."""
    removed: int
    """Files of the dataset before that this one does not have."""


def work_beside(url: Url) -> Url:
    """The folder beside a dataset that holds what is known of it: its run, what was sent."""
    return url.beside(url.name + ".rotoscope")


def send_dataset(folder: Path, url: Url, *, replaces: bool = False) -> Sent:
    """Puts a dataset into object storage, whole.

    Files that are there already with the same bytes are not sent again.

    Args:
        folder: The dataset.
        url: Where to.
        replaces: Whether what lies there may be replaced though it was not sent by us.

    Raises:
        DatasetError: The folder holds no dataset.
        UsageError: Something else lies there.
        RemoteError: The store is away; no half dataset is left, run it again.
    """
    if not url.key:
        raise UsageError(f"{url} is a whole bucket; give a name in it, such as {url}/dataset")
    files = _files_of(folder)
    objects = open_objects(url)
    there = {url.relative(facts.key): facts for facts in objects.listed(url.key)}
    before = _sent_before(objects, url)
    if there and before is None and not replaces:
        raise UsageError(
            f"{url} holds {len(there)} files that were not sent from here, such as "
            f"{display_name(min(there))}; name another place, or say --replace"
        )
    old = before or {}
    known = {
        n for n, sha256 in files.items() if old.get(n) == sha256 and _is_whole(n, there, folder)
    }
    new = sorted(set(files) - known - {INFO})
    gone = sorted((set(there) if replaces else set(old) & set(there)) - set(files))
    if not new and not gone and INFO in known:
        return Sent(len(files), 0, 0)
    # Names are ours from the first file on; hashes only of what stays as it is.
    _note(objects, url, {n: files[n] if n in known else "" for n in {*old, *files}})
    _put_in_place(objects, folder, url, new, has_info=INFO in there)
    objects.delete([url.below(name).key for name in gone])
    _check_whole(objects, folder, url, files)
    # True but for the last file: who ends here sends that one again.
    _note(objects, url, files)
    objects.put(url.below(INFO).key, folder / INFO)
    return Sent(len(files), len(new) + 1, len(gone))


def fetch_dataset(
    url: Url, folder: Path, *, make_room: Callable[[int], None] = lambda num_bytes: None
) -> Path:
    """A dataset of an object store as a folder on this machine, which is returned.

    Only what changed since the last call is fetched.

    Args:
        url: Where it lies.
        folder: Where to.
        make_room: Called with the bytes that are going to be fetched.

    Raises:
        DatasetError: There is no dataset, or only half of one.
        FileChangedError: It was replaced meanwhile.
        RemoteError: The store is away.
    """
    return fetch_files(url, listed_dataset(url), folder, make_room=make_room)


def listed_dataset(url: Url) -> dict[str, ObjectFacts]:
    """Every file of a dataset of an object store, by its name below the URL.

    Raises:
        DatasetError: There is no dataset, or only half of one, or a name that no disk takes.
        RemoteError: The store is away.
    """
    objects = open_objects(url)
    there = {url.relative(facts.key): facts for facts in objects.listed(url.key)}
    if INFO not in there:
        what = "half a dataset, still being sent or broken off" if there else "nothing"
        raise DatasetError(f"{url} holds {what}: there is no {INFO}")
    odd = [facts.key for facts in there.values() if facts.problem]
    if odd:
        raise DatasetError(f"{url} holds {shown(odd[0])}, which is no path on a disk; rename it")
    return there


def fetch_files(
    url: Url,
    there: Mapping[str, ObjectFacts],
    folder: Path,
    *,
    make_room: Callable[[int], None] = lambda num_bytes: None,
) -> Path:
    """Some files of a dataset, or all, as a folder on this machine; see `fetch_dataset`.

    Args:
        url: Where it lies.
        there: The files, by name below it, as they were listed.
        folder: Where to; it holds these files alone.
        make_room: Called with the bytes that are going to be fetched.
    """
    objects = open_objects(url)
    tags = {name: [facts.tag, facts.size] for name, facts in sorted(there.items())}
    record = folder.with_name(folder.name + FETCHED)
    old = _record_of(record) if folder.is_dir() else {}
    if old == tags:
        return folder
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        wanted = [name for name in there if not name.endswith("/")]
        for parent in {(temporary / name).parent for name in wanted}:
            inside(temporary, parent.relative_to(temporary), what="a file")
            parent.mkdir(parents=True, exist_ok=True)
        same = [n for n in wanted if old.get(n) == tags[n] and (folder / n).is_file()]
        for name in same:
            os.link(folder / name, temporary / name)
        rest = [there[name] for name in wanted if name not in set(same)]
        make_room(sum(one.size for one in rest))
        _at_once(rest, lambda one: objects.fetch(one, temporary / url.relative(one.key)))
    write_text_atomic(record, json.dumps(tags))
    return folder


def _files_of(folder: Path) -> dict[str, str]:
    """Every file of a dataset by its name below the folder, with its hash; hidden ones not."""
    if not (folder / INFO).is_file():
        raise DatasetError(f"{folder} holds no dataset: there is no {INFO}")
    paths = sorted(walk(folder, ".", what="a file of the dataset"))
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in paths
        if path.stat().st_size
    }


def _sent_before(objects: Objects, url: Url) -> dict[str, str] | None:
    """Hashes of the files that were sent last; `None` where nothing was."""
    data = objects.read(work_beside(url).below(SENT).key)
    try:
        found = json.loads(data) if data is not None else None
    except ValueError:
        return None
    files = found.get("files") if isinstance(found, dict) else None
    return files if isinstance(files, dict) else None


def _note(objects: Objects, url: Url, files: dict[str, str]) -> None:
    data = json.dumps({"files": files}, indent=1, sort_keys=True).encode()
    objects.put(work_beside(url).below(SENT).key, data)


def _is_whole(name: str, there: dict[str, ObjectFacts], folder: Path) -> bool:
    return name in there and there[name].size == (folder / name).stat().st_size


def _put_in_place(
    objects: Objects, folder: Path, url: Url, names: Sequence[str], *, has_info: bool
) -> None:
    """Sends files; aside first where a dataset stands there, which is then taken down."""
    if not has_info:
        _at_once(names, lambda name: objects.put(url.below(name).key, folder / name))
        return
    aside = work_beside(url).below("sending")
    left = [facts.key for facts in objects.listed(aside.key)]
    objects.delete(left)
    _at_once(names, lambda name: objects.put(aside.below(name).key, folder / name))
    objects.delete([url.below(INFO).key])
    _at_once(names, lambda name: objects.copy(aside.below(name).key, url.below(name).key))
    objects.delete([aside.below(name).key for name in names])


def _check_whole(objects: Objects, folder: Path, url: Url, files: Iterable[str]) -> None:
    there = {url.relative(facts.key): facts for facts in objects.listed(url.key)}
    missing = [n for n in files if n != INFO and not _is_whole(n, there, folder)]
    if missing:
        names = ", ".join(map(display_name, missing[:_SHOWN]))
        raise DatasetError(
            f"{len(missing)} files did not arrive whole at {url} ({names}); is another run sending "
            "to the same place? Run the same command again"
        )


def _at_once(items: Sequence[Any], call: Any) -> None:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rotoscope-remote") as pool:
        for future in [pool.submit(call, item) for item in items]:
            future.result()


def _record_of(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
