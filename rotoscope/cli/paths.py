"""Paths as they are typed: never empty, and where it matters of something that has a name."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import typer

from rotoscope.pipeline.remote.urls import Place, Url, place_of

DATASETS = ("dataset", "data", "a", "b")
"""What the commands call the datasets that they read."""


def given_path(text: str | Path) -> Path:
    """The path as it is, unless it is empty, as where a shell's variable was not set."""
    place = given_place(text)
    if isinstance(place, Url):
        raise typer.BadParameter(
            f"{place} lies in an object store; this takes a path on this machine"
        )
    return place


def given_place(text: str | Path) -> Place:
    """The path, or the URL of an object store, unless it is empty."""
    if not str(text).strip():
        raise typer.BadParameter("it is empty; name a file or folder")
    return place_of(text)


def named_place(text: str | Path) -> Place:
    """The path of something with a name, as `named_path`, or a URL."""
    place = given_place(text)
    return place if isinstance(place, Url) else named_path(place)


def reads_dataset[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """A command whose dataset may lie in an object store: it is fetched into the cache first."""
    return _with_place_here(command, needs_dataset=True)


def reads_run[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """The same of a command about a run, whose dataset need not be there."""
    return _with_place_here(command, needs_dataset=False)


def _with_place_here[**P, R](command: Callable[P, R], *, needs_dataset: bool) -> Callable[P, R]:
    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in DATASETS:
            place = kwargs.get(name)
            if isinstance(place, Url):
                from rotoscope.pipeline.run.places import dataset_here

                kwargs[name] = dataset_here(place, needs_dataset=needs_dataset)
        return command(*args, **kwargs)

    return call


def dataset_named(text: str) -> str:
    """What may name a column or a dataset, one of an object store fetched into the cache."""
    place = place_of(text) if "://" in text else text
    if not isinstance(place, Url):
        return text
    from rotoscope.pipeline.run.places import dataset_here

    return str(dataset_here(place))


def named_path(text: str | Path) -> Path:
    """The path of a file or folder with a name: what lies beside it is called after it.

    `.` and `..` are written out; nothing else is changed.
    """
    path = given_path(text)
    if path.name in ("", ".."):
        path = Path(os.path.abspath(path))
    if not path.name:
        raise typer.BadParameter(f"{str(text)!r} is the root of the disk; name a folder below it")
    return path
