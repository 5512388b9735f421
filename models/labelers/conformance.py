"""Whether a class is a labeler: what it lacks, and what it does that a labeler must not.

It is tried on made-up episodes whose actions lie in what is seen, never on a user's data.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.labelers.labeler import Labeler, fault_of
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.read import ACTION
from rotoscope.models.training.views import cameras_of
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.setting_facts import settings_of_model
from rotoscope.pipeline.settings import read_settings

RATE_HZ = 20.0
_NUM_EPISODES, _NUM_ROWS, _NUM_FEATURES = 5, 60, 3
STATE = "observation.state"
"""What a labeler is shown that does not say what it sees."""
_SEEN = ("inputs", "camera")
_BLIND = slice(20, 30)
"""Rows of the blinded episode in which nothing is seen."""


@dataclass(frozen=True)
class Finding:
    """One thing that every labeler has to do."""

    what: str
    """What was looked at, in a few words."""
    fault: str = ""
    """What is wrong, and what to do; empty where nothing is."""


def findings(cls: type[Labeler], config: Any) -> Iterator[Finding]:
    """Tries a labeler; what cannot be tried because of an earlier fault is left out.

    Args:
        cls: The class.
        config: Settings that it is tried with.
    """
    yield Finding("documented", _undocumented(cls))
    yield Finding("signatures", _signatures(cls))
    trial = Trial(cls, config)
    for what, test in TESTS.items():
        try:
            fault = test(trial)
        except RotoscopeError as error:
            fault = str(error)
        except Exception as error:  # whatever a user's program raises is told, with where
            fault = f"{type(error).__name__}: {error}{_line_of(cls, error)}"
        yield Finding(what, fault)
        if fault and what in ("fit", "label"):
            return  # everything else asks for these


@dataclass(frozen=True, eq=False)
class Trial:
    """A labeler and the made-up episodes that it is tried on."""

    cls: type[Labeler]
    """The class."""
    config: Any
    """Its settings."""

    @cached_property
    def data(self) -> LabeledSet:
        """Episodes whose actions are a line in what is seen and how it changes."""
        episodes = tuple(self._episode(number) for number in range(_NUM_EPISODES))
        episodes[-1].features[_BLIND] = np.nan  # tracks have gaps
        inputs = self.config.inputs
        size = episodes[0].features.shape[1] // max(1, len(inputs))
        side = self.config.image_size if self.config.camera else 0
        return LabeledSet(
            episodes, contract(), inputs, (size,) * len(inputs), self.config.camera, (side, side)
        )

    @cached_property
    def labeler(self) -> Labeler:
        """Fitted once."""
        return self.fitted()

    @property
    def episode(self) -> LabeledEpisode:
        """One that is labeled."""
        return self.data.episodes[0]

    def fitted(self) -> Labeler:
        """Fitted anew; one that trains its own way does so in a folder that is removed."""
        if self.cls.train.__func__ is not Labeler.train.__func__:  # type: ignore[attr-defined]
            with tempfile.TemporaryDirectory() as folder:
                return self.cls.train(self.data, self.config, Path(folder) / "labeler")
        made = self.cls(self.config, self.data.contract)
        made.fit(self.data)
        return made

    def _episode(self, number: int) -> LabeledEpisode:
        generator = np.random.default_rng(number)
        time_s = np.arange(_NUM_ROWS) / RATE_HZ
        phase, speed = generator.uniform(0, 6, (2, _NUM_FEATURES))
        seen = np.sin(phase + (0.5 + speed / 4) * time_s[:, None])
        actions = np.gradient(seen, axis=0)[:, :2] * RATE_HZ
        parts = [actions if name == ACTION else seen for name in self.config.inputs]
        images = None
        if self.config.camera:
            side, num = self.config.image_size, len(cameras_of(self.config.camera))
            shade = np.round(127 + 100 * seen[:, :, None, None]).astype(np.uint8)
            images = np.moveaxis(np.broadcast_to(shade, (_NUM_ROWS, 3, num * side, side)), 1, -1)
        return LabeledEpisode(
            name=f"made-up episode {number}",
            time_s=time_s,
            features=np.concatenate([np.zeros((_NUM_ROWS, 0)), *parts], axis=1),
            actions=actions,
            valid=np.ones(_NUM_ROWS, bool),
            images=None if images is None else np.ascontiguousarray(images),
        )


def contract() -> ActionContract:
    """What made-up actions mean."""
    return ActionContract(
        robot="made-up",
        dimensions=tuple(
            Dimension(name=n, quantity="position", unit="m/s") for n in ("speed.x", "speed.y")
        ),
        mode="delta",
        frame="none",
        rotation="none",
        rate_hz=RATE_HZ,
        shift_s=0,
        is_state=False,
    )


def settings_to_try(cls: type[Labeler], overrides: Sequence[str] = ()) -> Any:
    """A labeler's settings, and a state to see where neither it nor they say what it sees."""
    fields = cls.Config.model_fields
    is_told = any(text.partition("=")[0].strip() in _SEEN for text in overrides)
    if not is_told and not any(fields[name].default for name in _SEEN):
        overrides = [f"inputs=[{STATE}]", *overrides]
    config = read_settings(overrides, cls.Config)
    cls.check_settings(config)
    return config


def _fit(trial: Trial) -> str:
    untouched = _copies(trial.data)
    one, other = trial.labeler, trial.fitted()
    for name in sorted({*one.arrays, *other.arrays}):
        pair = [np.asarray(made.arrays.get(name)) for made in (one, other)]
        if pair[0].dtype.kind not in "fiub":
            return (
                f"arrays[{name!r}] is of type {pair[0].dtype}; a folder holds numbers alone: keep "
                "texts and choices in Config"
            )
        if not np.isfinite(pair[0]).all():
            return f"arrays[{name!r}] is not finite; leave rows out whose features are NaN"
        if not np.array_equal(pair[0], pair[1]):
            return (
                f"two fits on the same data give different arrays[{name!r}]; take every seed from "
                "Config, none from the clock"
            )
    return _touched(trial.data, untouched, "fit")


def _label(trial: Trial) -> str:
    untouched = _copies(trial.data)
    labels = trial.labeler.label(trial.episode)
    fault = fault_of(labels, len(trial.episode.time_s), trial.data.contract)
    if fault:
        return fault
    if not labels.known.any():
        return "no row of an episode in which everything is seen has a label: all values are NaN"
    return _touched(trial.data, untouched, "label")


def _pure(trial: Trial) -> str:
    first = trial.labeler.label(trial.episode)
    trial.labeler.label(trial.data.episodes[1])
    if not _same(first, trial.labeler.label(trial.episode)):
        return (
            "the same episode gets other labels the second time; keep nothing between calls, and "
            "draw nothing at random"
        )
    return ""


def _unseen(trial: Trial) -> str:
    if not trial.config.inputs:
        return ""  # a picture is always seen
    features = trial.episode.features.copy()
    features[_BLIND] = np.nan
    told = trial.labeler.labels_of(_seeing(trial.episode, features)).known
    is_previous = trial.config.inputs == (ACTION,)
    invented = told[_BLIND] if not is_previous else told[_BLIND.start + 1 : _BLIND.stop + 1]
    if invented.any():
        return (
            f"rows {_BLIND.start} to {_BLIND.stop - 1} have NaN features, and "
            f"{int(invented.sum())} of them get an action all the same; give NaN where what it "
            "sees is not known"
        )
    if not told[: _BLIND.start - 10].any() or not told[_BLIND.stop + 10 :].any():
        return "a gap of ten rows in the features takes the labels of all other rows too"
    nothing = _seeing(trial.episode, np.full_like(features, np.nan))
    return "an episode in which nothing is seen gets labels" if any(
        trial.labeler.labels_of(nothing).known
    ) else ""  # fmt: skip


def _short(trial: Trial) -> str:
    whole = trial.episode
    arrays: dict[str, Any] = {k: v for k, v in vars(whole).items() if isinstance(v, np.ndarray)}
    short = replace(whole, **{k: v[:3] for k, v in arrays.items()})
    trial.labeler.labels_of(short)
    return ""


def _round_trip(trial: Trial) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "labeler"
        before = trial.cls.train(trial.data, trial.config, folder)
        files = sorted(path.name for path in folder.iterdir())
        if files != ["labeler.yaml", "metrics.json", "model.safetensors"]:
            return f"its folder holds {files}; numbers belong into arrays, settings into Config"
        after = trial.cls.open(folder)
        after.setup()
        if _same(before.labels_of(trial.episode), after.labels_of(trial.episode)):
            return ""
    return (
        "opened from its folder, it gives other labels; all that label needs must lie in arrays or "
        "config, set in fit"
    )


TESTS: dict[str, Callable[[Trial], str]] = {
    "fit": _fit,
    "label": _label,
    "same episode, same labels": _pure,
    "NaN where nothing is seen": _unseen,
    "episodes of three rows": _short,
    "saved and opened": _round_trip,
}
"""What is tried, in order; each gives what is wrong, empty where nothing is."""


def _undocumented(cls: type[Labeler]) -> str:
    if not (cls.__doc__ or "").strip() or cls.__doc__ == Labeler.__doc__:
        return "the class has no docstring; its first line says what comes out"
    silent = [s.key for s in settings_of_model(cls.Config) if not s.text]
    return f"settings without a docstring below them: {', '.join(silent)}" if silent else ""


def _signatures(cls: type[Labeler]) -> str:
    for name, wanted in (("fit", ["self", "data"]), ("label", ["self", "episode"])):
        found = inspect.signature(getattr(cls, name)).parameters.values()
        needed = [p.name for p in found if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        if len(needed) != len(wanted):
            return f"{name} must be {name}({', '.join(wanted)}), it is {name}({', '.join(needed)})"
    if not isinstance(cls.version, str) or not cls.version:
        return f"version must be a text such as '1', got {cls.version!r}"
    return ""


def _line_of(cls: type[Labeler], error: Exception) -> str:
    file, trace, line = inspect.getfile(cls), error.__traceback__, 0
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == file else line
        trace = trace.tb_next
    return f" ({Path(file).name}, line {line})" if line else ""


def _seeing(episode: LabeledEpisode, features: np.ndarray) -> UnlabelledEpisode:
    return UnlabelledEpisode(
        name=episode.name, time_s=episode.time_s, features=features, images=episode.images
    )


def _same(one: Labels, other: Labels) -> bool:
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _copies(data: LabeledSet) -> list[np.ndarray]:
    return [a.copy() for e in data.episodes for a in vars(e).values() if isinstance(a, np.ndarray)]


def _touched(data: LabeledSet, before: list[np.ndarray], who: str) -> str:
    pairs = zip(before, _copies(data), strict=True)
    is_same = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    return "" if is_same else f"{who} changes the episode that it is given; work on a copy"
