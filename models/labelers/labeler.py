"""What a labeler is: the one interface behind training, labeling, comparing and the bench."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.labelers.facts import (
    ONE_FILE_FOLDER,
    LabelerFacts,
    OneFileFacts,
    facts_of_data,
)
from rotoscope.models.labelers.familiarity import (
    Familiarity,
    familiarity_arrays,
    familiarity_of,
    familiarity_shapes,
)
from rotoscope.models.labelers.familiarity_training import learn_familiarity, num_familiar
from rotoscope.models.labelers.held_out import Errors, judge
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.focus import FocusConfig
from rotoscope.models.training.folds import MIN_EPISODES
from rotoscope.models.training.model_folder import Shape, below, check_shapes
from rotoscope.models.training.read import ACTION
from rotoscope.models.training.views import Cameras
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.settings import checked

if TYPE_CHECKING:
    from rotoscope.models.training.events import TrainListener

_OWN, _ERRORS, _LIKE = "own.", "errors.", ("familiar.", "looks.")
_STAGE_OF = "rotoscope.models.labelers.stage:stage_of"


class LabelerConfig(BaseModel):
    """What a labeler sees; base of its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    inputs: tuple[str, ...] = ()
    """Features that it sees, such as `track.hand.joints`."""
    camera: Cameras = ""
    """Camera that it sees, such as `observation.images.front`, or several, `[A,B]`, all at once;
    empty for none."""
    image_size: int = Field(default=64, ge=16)
    """Side of the square that pictures are shrunk to [px]."""
    focus: FocusConfig = FocusConfig()
    """What of a picture is looked at, in training and labeling alike."""

    @model_validator(mode="after")
    def _sees_something(self) -> Self:
        if not self.inputs and not self.camera:
            raise ValueError(
                "a labeler must see something: set inputs or camera, such as "
                "-o inputs=[observation.state] or -o camera=observation.images.front"
            )
        if self.focus.tracks and not self.camera:
            raise ValueError(
                f"focus.tracks={list(self.focus.tracks)} is about pictures, and no camera is set"
            )
        return self


class Labeler(ABC):
    """Says which action was done at every row of an episode. Subclass it, and write `label`.

    What it has learned lies in `arrays`, which its folder keeps; settings in `config`; what the
    numbers of an action mean in `contract`. A labeler that learns nothing leaves `fit` out:
    training then only measures it. It sees rows that are `1 / contract.rate_hz` apart.
    """

    kind: ClassVar[str] = ""
    """Name in datasets; that of the class in small letters where not given."""
    version: ClassVar[str] = "1"
    """Bump when the same episode, settings and arrays give other labels."""
    stage: ClassVar[str] = ""
    """Stage that it is in recipes, as `"module:attr"`, where it needs one of its own."""
    scales_width: ClassVar[bool] = False
    """Whether half widths that `label` gives are known up to a factor for each number of the
    action: training finds it on episodes kept from the labeler."""
    acts_on: ClassVar[int] = 0
    """Rows, the last one included, that it must be shown to say what to do at the last of them; 0
    where it looks at what comes after. From 1 on it can act, and the bench lets it."""
    Config: ClassVar[type[LabelerConfig]] = LabelerConfig

    def __init__(self, config: Any, contract: ActionContract) -> None:
        self.config = config
        self.contract = contract
        self.arrays: dict[str, np.ndarray] = {}
        self.metrics: dict[str, Any] = {}
        self.device: Device = "auto"
        self.facts: LabelerFacts | None = None
        self._errors: Errors | None = None
        self._familiarity: Familiarity | None = None

    def fit(self, data: LabeledSet) -> None:  # noqa: B027 - one that learns nothing needs none
        """Learns from labeled episodes, into `arrays` alone. Same data, same arrays."""

    @abstractmethod
    def label(self, episode: UnlabelledEpisode) -> Labels:
        """The action of every row of an episode; NaN where what it sees does not tell.

        Pure: the same episode gives the same labels, whatever was labeled before.
        """

    def learned(self) -> dict[str, Any]:
        """What `fit` chose, for people: `learned` of `metrics.json`."""
        return {}

    def setup(self) -> None:  # noqa: B027 - most need none
        """Imports heavy packages, once in every process that labels; networks go to `device`."""

    @classmethod
    def family(cls) -> str:
        """What its folders and datasets call it."""
        return cls.kind or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses settings that cannot be met here, before any data are read.

        Raises:
            UsageError: It would see what it shall infer.
        """
        if ACTION in config.inputs:
            raise UsageError(
                f"inputs holds {ACTION!r}, which a labeler shall infer; name what is seen, such as "
                "observation.state (only the labeler 'previous' sees actions)"
            )

    @classmethod
    def train(
        cls, data: LabeledSet, config: Any, out: Path, *, listener: TrainListener | None = None
    ) -> Self:
        """Fits a labeler, measures it on episodes kept from it, and writes its folder.

        Raises:
            DatasetError: Too few episodes, or none that it can label.
        """
        whole = cls._judged(data, config, out, listener)
        if learned := whole.learned():
            whole.metrics["learned"] = learned
        # Of errors, only those of labeled episodes are known: others it has seen are no safer.
        labeled = replace(data, episodes=tuple(e for e in data.episodes if e.valid.any()))
        if num_familiar(labeled) >= MIN_EPISODES:
            whole._familiarity = learn_familiarity(labeled, seed=0)
        whole.facts = OneFileFacts(
            **facts_of_data(data, data.digest()),
            family=cls.family(),
            config=config.model_dump(mode="json"),
            labeler_version=cls.version,
            source_sha256=source_sha256(cls),
        )
        whole.save(out)
        remove_checkpoints(work_folder(out))
        return whole

    @classmethod
    def _judged(
        cls, data: LabeledSet, config: Any, out: Path, listener: TrainListener | None
    ) -> Self:
        """Fitted, and what is known of its errors."""
        del out, listener  # nothing here takes long enough to be kept, or to be told of
        whole = cls._fitted(data, config)
        whole._errors, whole.metrics = judge(
            lambda part: cls._fitted(part, config).labels_of, data, is_factor=cls.scales_width
        )
        return whole

    @classmethod
    def _fitted(cls, data: LabeledSet, config: Any) -> Self:
        made = cls(config, data.contract)
        made.fit(data)
        return made

    def labels_of(self, episode: UnlabelledEpisode) -> Labels:
        """What `label` says, checked; familiarity and errors that it leaves unsaid are told.

        Raises:
            DatasetError: It does not say what a labeler has to.
        """
        made = self.label(episode)
        fault = fault_of(made, len(episode.time_s), self.contract)
        if fault:
            raise DatasetError(f"the labeler {self.family()}, {episode.name}: {fault}")
        if self._familiarity is not None and np.isnan(made.familiarity).all():
            like = np.where(made.known, self._familiarity.of_episode(episode), np.nan)
            made = replace(made, familiarity=like)
        return made if self._errors is None else self._errors.said_of(made, self.contract)

    def save(self, folder: Path) -> None:
        """Writes the folder, whole or not at all."""
        assert isinstance(self.facts, OneFileFacts), "only what was trained is saved"
        assert self._errors is not None
        arrays = {_OWN + name: np.asarray(value) for name, value in self.arrays.items()}
        # A choice has no interval; only finite numbers are written.
        arrays[_ERRORS + "half_width"] = np.nan_to_num(self._errors.half_width, nan=-1.0)
        arrays[_ERRORS + "confidence"] = np.array([self._errors.confidence])
        arrays[_ERRORS + "spread"] = self._errors.spread
        if self._familiarity is not None:
            arrays |= familiarity_arrays(self._familiarity)
        ONE_FILE_FOLDER.save(folder, self.facts, arrays, self.metrics)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A trained labeler from its folder.

        Raises:
            UsageError: The folder is incomplete, damaged, or another labeler's or version's.
        """
        facts, arrays, metrics = ONE_FILE_FOLDER.load(folder)
        if (facts.family, facts.labeler_version) != (cls.family(), cls.version):
            raise UsageError(
                f"{folder} was trained with {facts.family} of version {facts.labeler_version}, "
                f"this is {cls.family()} of version {cls.version}; train it again, or name the "
                "one it was trained with"
            )
        config = checked(cls.Config, facts.config, owner=str(folder), error=UsageError)
        made = cls(config, facts.contract)
        num = len(facts.contract.dimensions)
        wanted: dict[str, Shape] = {"half_width": (num,), "confidence": (1,), "spread": (num,)}
        errors = below(arrays, _ERRORS)
        check_shapes(errors, wanted, folder)
        width = np.where(errors["half_width"] < 0, np.nan, errors["half_width"])
        made._errors = Errors(
            width, float(errors["confidence"][0]), errors["spread"], cls.scales_width
        )
        like = {name: value for name, value in arrays.items() if name.startswith(_LIKE)}
        if like:
            is_seen, num_own = bool(facts.camera), sum(facts.input_sizes)
            check_shapes(like, familiarity_shapes(like, num_own, has_pictures=is_seen), folder)
            made._familiarity = familiarity_of(like)
        made.arrays, made.facts, made.metrics = below(arrays, _OWN), facts, metrics
        return made

    @classmethod
    def as_stage(cls) -> Any:
        """The class of the stage that it is in recipes, which opens a trained folder."""
        module, _, attribute = (cls.stage or _STAGE_OF).partition(":")
        found = getattr(importlib.import_module(module), attribute)
        return found if cls.stage else found(cls)

    @classmethod
    def digest(cls, folder: Path) -> str:
        """Hash of all that decides the answers of a trained labeler."""
        return f"{ONE_FILE_FOLDER.digest(folder)} {source_sha256(cls)}".strip()

    @property
    def trained(self) -> LabelerFacts:
        """What its folder says of it."""
        assert self.facts is not None, "only a trained labeler has facts"
        return self.facts


def fault_of(labels: object, num_rows: int, contract: ActionContract) -> str:
    """What is wrong with labels of an episode, in words; empty where nothing is."""
    if not isinstance(labels, Labels):
        return f"label gave a {type(labels).__name__}; it must give rotoscope.Labels"
    wide = (num_rows, len(contract.dimensions))
    for name, shape in {
        "values": wide,
        "half_width": wide,
        "confidence": wide[:1],
        "familiarity": wide[:1],
    }.items():
        found = np.shape(getattr(labels, name))
        if found != shape:
            return (
                f"{name} has shape {found}; {num_rows} rows and {wide[1]} numbers of an action "
                f"({', '.join(contract.names)}) ask for {shape}"
            )
    if np.isinf(labels.values).any():
        return f"values of row {int(np.isinf(labels.values).any(1).argmax())} are infinite"
    if (labels.half_width < 0).any() or np.isinf(labels.half_width).any():
        row = int(((labels.half_width < 0) | np.isinf(labels.half_width)).any(1).argmax())
        return (
            f"half_width of row {row} is {labels.half_width[row].tolist()}: half of an interval is "
            "at least 0, and finite"
        )
    for name in ("confidence", "familiarity"):
        column = getattr(labels, name)
        outside = (column < 0) | (column > 1)
        if outside.any():
            row = int(outside.argmax())
            return f"{name} of row {row} is {column[row]:g}; it must lie in 0..1, or be NaN"
    return ""


def source_sha256(cls: type) -> str:
    """Hash of the file of a user's own class; empty for an installed one."""
    if not cls.__module__.startswith("rotoscope_file_"):
        return ""
    return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()
