"""A dataset's folder in place of an older one: only our own files are replaced.

The new dataset is written beside the old one. What the user keeps in the old folder becomes part of
the new one as hard links, so that both are whole until the two folders change places in one step;
then the old one is removed, and the user's files are where they were.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.card_edits import CardEdits, join_card, split_card
from rotoscope.pipeline.export.manifest import (
    CARD,
    OTHER_CARD,
    read_manifest,
    save_manifest,
    write_manifest,
)
from rotoscope.pipeline.export.standing import Standing, look_at
from rotoscope.pipeline.files.atomic import atomic_path, remove_leftovers

_REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST),
)
_SHOWN = 5


@contextlib.contextmanager
def dataset_folder(out: Path, *, last: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Yields a folder to write a dataset into; in the end it takes the place of `out`, whole.

    A link is followed: its target is replaced and the link stays. What is not ours in `out` is
    part of the new folder, and so are the user's words in the card.

    Args:
        out: Where the dataset appears.
        last: Called just before it does; may raise.

    Raises:
        DatasetError: A file of ours was changed, the user's files are in the way of the new ones,
            or `out` changed while the dataset was written.
        DiskFullError: No space is left; what `out` held before is untouched.
    """
    with _refusals(out):
        place = _resolved(out)
        if place.parent.is_dir():
            remove_leftovers(place.parent, place.name)
        before = look_at(place)
    if before.changed:
        raise DatasetError(
            f"{out} was edited since it was published, and the edits would be lost: "
            f"{_several(before.changed)}; move it away or name another place"
        )

    def settle(root: Path) -> None:
        now = look_at(place, known=before.own)
        if now.own != before.own or now.changed:
            raise DatasetError(
                f"{out} changed while this dataset was written, by another run or by hand; it is "
                "left as it is: run the same command again"
            )
        _keep(place, now, root)
        last()

    with _refusals(out), atomic_path(place, last=settle) as root:
        yield root
        write_manifest(root)


@contextlib.contextmanager
def _refusals(out: Path) -> Iterator[None]:
    """Turns what the system does not let us do at `out` into `DatasetError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise DatasetError(
            f"{out} cannot be written ({error.strerror}: {error.filename}); what it held is "
            "untouched: name another place"
        ) from error


def _resolved(out: Path) -> Path:
    place = Path(os.path.realpath(out))
    if place.is_symlink():
        raise DatasetError(f"{out} is a link that leads round in a circle; name another place")
    return place


def _keep(old: Path, standing: Standing, root: Path) -> None:
    """Makes what is the user's in `old` a part of `root` as well."""
    foreign = standing.foreign
    if CARD in standing.own and not (root / CARD).exists():
        foreign = (*foreign, CARD) if _edits(old / CARD) != CardEdits() else foreign
    elif CARD in standing.own:
        edits, (own, theirs) = _edits(old / CARD), split_card((root / CARD).read_bytes())
        merged = CardEdits(edits.keys or theirs.keys, edits.below or theirs.below)
        (root / CARD).write_bytes(join_card(own, merged))
    elif CARD in foreign and (root / CARD).exists():
        (root / CARD).rename(root / OTHER_CARD)
        files = read_manifest(root) or {}
        save_manifest(root, files | {OTHER_CARD: files.pop(CARD)})
    blocked = [name for name in foreign if _is_blocked(old / name, root, name)]
    if blocked:
        raise DatasetError(
            f"files that are not ours are in the way in {old}: {_several(blocked)}; move them away "
            "or name another place"
        )
    _link(old, root, foreign)
    if old.is_dir():
        shutil.copymode(old, root)


def _edits(card: Path) -> CardEdits:
    return split_card(card.read_bytes())[1]


def _is_blocked(source: Path, root: Path, name: str) -> bool:
    target = root / name
    if any(os.path.lexists(p) and not _is_folder(p) for p in target.parents if root in p.parents):
        return True
    return os.path.lexists(target) and not (_is_folder(source) and _is_folder(target))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _link(old: Path, root: Path, names: Iterable[str]) -> None:
    """The same files once more below `root`; folders get mode and times when they are full."""
    folders = []
    for name in names:
        source, target = old / name, root / name
        if _is_folder(source):
            target.mkdir(parents=True, exist_ok=True)
            folders.append((source, target))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:
            # Not every disk has hard links, nor may they be made of everybody's files.
            shutil.copy2(source, target, follow_symlinks=False)
            _same_owner(source, target)
    for source, target in reversed(folders):
        shutil.copystat(source, target)
        _same_owner(source, target)


def _same_owner(source: Path, target: Path) -> None:
    status = source.lstat()
    with contextlib.suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)


def _several(names: Iterable[str]) -> str:
    shown = list(names)
    text = ", ".join(map(repr, shown[:_SHOWN]))
    return text if len(shown) <= _SHOWN else f"{text} and {len(shown) - _SHOWN} more"
