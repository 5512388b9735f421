"""Comparing datasets and labelers, to be called from a script; a labeler labels first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rotoscope.api import relabel
from rotoscope.pipeline.datasets.label_columns import ACTION
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.files.paths import StrPath

if TYPE_CHECKING:
    from rotoscope.pipeline.compare.run import Comparison


def compare(
    a: StrPath,
    b: StrPath | None = None,
    *,
    of: str = "action",
    to: str = "",
    truth: StrPath = "",
    out: StrPath | None = None,
    robots: Sequence[StrPath] = (),
    store: StrPath | None = None,
) -> Comparison:
    """Compares two datasets, or two labelers of one; `rotoscope compare`.

    A trained labeler that is named in place of a column labels its dataset first, all rows; what
    is finished is kept in the store.

    Args:
        a: Folder of a dataset.
        b: Folder of another; two columns of the first are compared where it is left out.
        of: Column of the first, or a trained labeler: `FOLDER` or `NAME@FOLDER`.
        to: Column of the second, or a trained labeler; the same column if not given, or the only
            other one of the first.
        truth: Column of the first that holds true actions, or folder of a dataset whose `action`
            does.
        out: HTML file to write; none if not given.
        robots: YAML files of robots of your own that the datasets name.
        store: Where labeled episodes are kept; the user's cache folder if not given.

    Raises:
        UsageError: No such column, or nothing with the same name and unit.
        DatasetError: The two have nothing in common, or a dataset is damaged.
    """
    from rotoscope.pipeline.compare.page import write_comparison
    from rotoscope.pipeline.compare.run import compare as run

    first, second, known = Path(a), None if b is None else Path(b), os.fspath(truth)
    with tempfile.TemporaryDirectory() as folder:
        if _is_labeler(to, second or first):
            second = _labeled_by(to, second or first, Path(folder) / "b", store)
            to = ACTION
        if _is_labeler(of, first):
            # What is `action` there now was inferred.
            known = os.fspath(first) if known == ACTION else known
            first, second = _labeled_by(of, first, Path(folder) / "a", store), second or first
            of = ACTION
        found = run(first, second, of=of, to=to, truth=known)
        if out is not None:
            write_comparison(found, Path(out), robots=[Path(robot) for robot in robots])
    return found


def _is_labeler(text: str, dataset: Path) -> bool:
    """Whether it names a labeler, not a column."""
    if not text or text in open_dataset(dataset).info["features"]:
        return False
    return ".py:" in text or "@" in text or Path(text).is_dir()


def _labeled_by(name: str, dataset: Path, folder: Path, store: StrPath | None) -> Path:
    from rotoscope.models.labelers.names import LabelerName

    out = folder / LabelerName.of(name).title
    relabel(dataset, labeler=name, out=out, keeps_known=False, store=store)
    return out
