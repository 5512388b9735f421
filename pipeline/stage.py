"""What a stage is: the one interface that labelers, trackers and filters share.

A stage names what it `requires` and `provides` by track name. A name matches itself and everything
below it: `hands` matches `hands.left` and `hands.right`. A stage that works on whatever of several
is there requires `hands|body`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict

from rotoscope.pipeline.tracks import ActionSpace, Track
from rotoscope.pipeline.types import Clip, Frame, SourceKind, Video

Tracks = dict[str, Track]


class StageConfig(BaseModel):
    """Base of every stage's configuration: frozen; unknown keys, NaN and infinity are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stage(ABC):
    """Shared part of both kinds of stages. Subclass `ClipStage` or `FrameStage`."""

    kind: ClassVar[str]
    """Name in recipes and in the dataset, such as `retarget.arm`."""
    version: ClassVar[str]
    """Bump when the same input and config give another output."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Track names that must be there before."""
    uses: ClassVar[tuple[str, ...]] = ()
    """Track names that it looks at too where they are there."""
    provides: ClassVar[tuple[str, ...]] = ()
    """Track names that this stage writes."""
    source: ClassVar[SourceKind | None] = None
    """Kind of file that it looks into itself; `None` where it looks at tracks alone."""
    assets: ClassVar[tuple[str, ...]] = ()
    """Assets (see `rotoscope assets`) that must be fetched before; other bytes, other output."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Packages whose release decides what comes out, such as `mediapipe`: another one, another
    output. Not those that only round differently."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Modules worth importing once for all child processes; they must start no thread."""
    shares: ClassVar[tuple[str, ...]] = ()
    """Settings that other stages of the recipe have too: one that is left out is theirs."""
    action_spaces: ClassVar[tuple[ActionSpace, ...]] = ("joints",)
    """Spaces in which its actions can be exported: others than `joints` where it gives the end
    effector (`ActionTrack.ee_values`)."""
    loosened_by: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Why it takes frames, and the setting of its own that gives them back: `lower min_score`. Said
    of videos that give no episode."""
    Config: ClassVar[type[StageConfig]] = StageConfig

    def __init__(self, config: StageConfig) -> None:
        self.config = config

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """Files beside a video that the stage reads too, those that are there.

        Their bytes become part of the video's identity: where they change, it is labeled anew.
        """
        return ()

    def setup(self) -> None:  # noqa: B027 - most stages need none
        """Imports heavy packages and loads weights. Called once per process."""

    def close(self) -> None:  # noqa: B027 - most stages need none
        """Releases what `setup` took."""

    def cache_token(self) -> str:
        """What else changes the output beyond config, version, assets and packages.

        Contents of files, such as a robot's or a labeler's, never where they lie.
        """
        return ""


class ClipStage(Stage):
    """Works on the tracks of one clip at a time."""

    @abstractmethod
    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """New tracks on the clip's clock. Pure: same input and config, same output."""


class FrameStage(Stage):
    """Looks at every decoded frame of a whole video, in order.

    Frame stages that stand together in a recipe share one decoding pass.
    """

    source = "video"

    @abstractmethod
    def begin(self, video: Video) -> None:
        """Starts a new video."""

    @abstractmethod
    def observe(self, frame: Frame) -> None:
        """Takes the next frame. Memory must not grow with the image size times the length."""

    @abstractmethod
    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """Tracks on the video's clock, one row per observed frame."""


def matches(name: str, pattern: str) -> bool:
    """Whether track `name` is `pattern`, or one of its alternatives (`a|b`), or lies below it."""
    return any(name == one or name.startswith(one + ".") for one in pattern.split("|"))


def feeds(given: str, need: str) -> bool:
    """Whether a stage that provides `given` can give what another `requires` as `need`."""
    return any(matches(given, one) or matches(one, given) for one in need.split("|"))


def select(tracks: Mapping[str, Track], patterns: tuple[str, ...]) -> Tracks:
    """The tracks that any of the patterns matches."""
    return {n: t for n, t in tracks.items() if any(matches(n, p) for p in patterns)}
