"""What `rotoscope serve` is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.errors import UsageError


@dataclass(frozen=True)
class Watch:
    """Fields of the form `watch`."""

    folder: str
    """Folder that videos are put into."""
    out: str
    """Name of the dataset."""
    recipe: str = "hand-gripper"
    """Name of a recipe, or `file`."""
    recipe_file: str = ""
    """Path of the recipe, for `file`."""
    overrides: str = ""
    """Changed settings, one a line."""


@dataclass(frozen=True)
class Plan:
    """What `rotoscope serve` was told."""

    roots: tuple[Path, ...]
    """Folders that runs write below."""
    host: str = "127.0.0.1"
    """Address that page and reports listen on."""
    port: int = 4200
    """Port of Prefect's page and API; 0 for one that is free."""
    reports_port: int = 4201
    """Port of the reports; 0 for one that is free."""
    reports_url: str = ""
    """Address by which browsers reach the reports, where it is another, as behind a proxy."""
    workers: int = 1
    """Videos at the same time, where a run does not say."""
    runs: int = 4
    """Runs at the same time; more wait."""
    gpus: int = 1
    """Runs of tasks that use a GPU at the same time."""
    every_s: float = 60.0
    """Time between two looks at watched folders [s]."""
    watched: tuple[Watch, ...] = ()
    """Folders that are looked at now and then."""

    def __post_init__(self) -> None:
        if not self.roots:
            raise UsageError("serve needs a folder that runs write below; name one with --root")
        for root in self.roots:
            if not root.is_dir():
                raise UsageError(f"{root} is not there or no folder; make it, then start serve")
