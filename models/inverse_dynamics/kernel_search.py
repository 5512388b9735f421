"""Settings of a kernel labeler, chosen on its training episodes, each left out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rotoscope.models.encoders.pretrained import COMPONENTS, FLOW
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.kernel_ridge import exponent_of, gaussian, solve
from rotoscope.models.inverse_dynamics.rows import (
    Components,
    LabeledWindows,
    as_columns,
    components_of,
    labeled_rows,
    rows_of,
    scaling_of,
)
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.alike import alike
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.folds import Folds
from rotoscope.models.training.windows import WindowConfig

WIDTHS = (0.35, 0.5, 0.7, 1.2, 3.0)
"""Widths of the kernel, in median distances; the last is nearly linear."""
PENALTIES = (0.001, 0.03, 0.3, 1.0, 3.0, 10.0, 100.0)
"""The last all but gives up: numbers that pictures do not show are left at their mean."""
COUNTS = (20, 60, 120)
"""Numbers of components."""
SPACINGS_S = (0.05, 0.1, 0.2, 1 / 3)
"""Time between the samples of a window, beside that between two actions."""
PICTURES_LEAD = 0.8
"""The looks of pictures must leave less than this share of what motion leaves unexplained: the few
episodes of a choice look more alike than the next one does. On four tasks of iVideoGPT (three
episodes each left out) and on coffee-push and peg-unplug-side of Meta-World (two seeds) motion was
the better in 16 of 16, and its loss at most 1.04 times as large. Where other things move, too, or
actions are places, pictures lead by far."""
_START_WIDTH, _START_COMPONENTS = 0.5, 60
_NUM_FOLDS = 4
MAX_ROWS = 900
"""Rows that a choice is made on; more of them choose the same."""
_LEAST_ROWS = 0.7
"""Share of the rows that a window must leave: those next to a gap reach into it."""


def choose_kernel(
    data: LabeledSet, config: InverseDynamicsConfig, space: ActionSpace
) -> InverseDynamicsConfig:
    """The settings with everything filled in that was left open.

    Whether it sees the motion in pictures or how they look, and for each, one after the other: the
    window, the components, the width; by the share of the variance that is not explained on
    left-out episodes. Every number of the action has its own penalty, so that those that cannot be
    seen do not decide about the others.

    Args:
        data: Labeled episodes.
        config: Settings; what is given stays.
        space: The contract's blocks.

    Raises:
        DatasetError: Too few episodes.
    """
    (seen, loss), *moved = [_chosen(data, c, space) for c in _encoders(config)]
    return moved[0][0] if moved and PICTURES_LEAD * moved[0][1] <= loss else seen


def _encoders(config: InverseDynamicsConfig) -> list[InverseDynamicsConfig]:
    """The settings with each encoder that may be chosen: looks first, then motion."""
    if not config.camera or config.encoder is not None:
        return [config]
    looks = config.model_copy(update={"encoder": COMPONENTS})
    wants_levels = config.window.has_levels and "has_levels" in config.window.model_fields_set
    if config.motion_s is not None or wants_levels:
        return [looks]
    window = config.window.model_copy(update={"has_levels": False})
    motion = config.model_copy(update={"encoder": FLOW, "window": window})
    return [looks, motion]


def _chosen(
    data: LabeledSet, config: InverseDynamicsConfig, space: ActionSpace
) -> tuple[InverseDynamicsConfig, float]:
    """The best settings with one encoder, and their loss."""
    search = _Search(data, config, space)
    kernel = config.kernel
    counts = COUNTS if config.components is None else (config.components,)
    start = config.model_copy(
        update={
            "components": config.components or _START_COMPONENTS,
            "kernel": kernel.model_copy(update={"width": kernel.width or _START_WIDTH}),
        }
    )
    windows = [config.window] if config.has_own_window else search.windows()
    best = search.best([start.model_copy(update={"window": w}) for w in windows])
    if config.learns_components:
        best = search.best([best.model_copy(update={"components": c}) for c in counts])
    widths = WIDTHS if kernel.width is None else (kernel.width,)
    kernels = [kernel.model_copy(update={"width": w}) for w in widths]
    best = search.best([best.model_copy(update={"kernel": k}) for k in kernels])
    penalties = kernel.penalties or search.penalties(best)
    chosen = best.kernel.model_copy(update={"penalties": penalties})
    return best.model_copy(update={"kernel": chosen}), search.loss(best)


def least_window(config: InverseDynamicsConfig, rate_hz: float) -> WindowConfig:
    """The given window, or the shortest that may be chosen: what it lacks, nothing will know."""
    is_given = config.kind != "kernel" or config.has_own_window
    return config.window if is_given else _window(1 / rate_hz, config.window.has_levels)


def _window(spacing_s: float, has_levels: bool) -> WindowConfig:
    return WindowConfig(
        before_s=spacing_s,
        after_s=2 * spacing_s,
        spacing_s=spacing_s,
        has_levels=has_levels,
        at_ends="hold",
    )


class _Search:
    """Losses of settings on left-out episodes, each computed once."""

    def __init__(self, data: LabeledSet, config: InverseDynamicsConfig, space: ActionSpace) -> None:
        self.space, self.config = space, config
        self.folds = Folds.of(alike(data.episodes), _NUM_FOLDS, seed=config.loop.seed)
        self.components: Components | None = None
        if config.learns_components:
            # What pictures look like is found without any action: no fold needs its own.
            self.components = components_of(data, config, config.components or max(COUNTS))
        self.data = as_columns(data, config, self.components)
        self.num_own = data.episodes[0].features.shape[1]
        self.losses: dict[str, np.ndarray] = {}

    def windows(self) -> list[WindowConfig]:
        """What a window may be: one sample back, two ahead, nearer or farther apart.

        Ends are held, so that every row gets a label: on a real robot that is better than to leave
        out those at the ends even for the others (R2 0.566 instead of 0.544).
        """
        step_s = 1 / self.data.contract.rate_hz
        spacings_s = [step_s, *(s for s in SPACINGS_S if s > 1.2 * step_s)]
        found = [_window(s, self.config.window.has_levels) for s in spacings_s]
        usable = [w for w in found if self._share_known(w) >= _LEAST_ROWS]
        self._keep_common_rows(usable or found[:1])
        return usable or found[:1]

    def best(self, candidates: Sequence[InverseDynamicsConfig]) -> InverseDynamicsConfig:
        """The candidate with the least loss at its best penalties."""
        if len(candidates) == 1:
            return candidates[0]
        return min(candidates, key=self.loss)

    def loss(self, config: InverseDynamicsConfig) -> float:
        """Share of the variance that is not explained, summed over the parts of the action."""
        return float(self._loss(config).min(axis=0).sum())

    def penalties(self, config: InverseDynamicsConfig) -> tuple[float, ...]:
        """The best penalty of each block of the action."""
        return tuple(PENALTIES[i] for i in self._loss(config).argmin(axis=0))

    def _share_known(self, window: WindowConfig) -> float:
        known = [self._labeled(e, window) for e in self.data.episodes]
        # The shortest episode counts: left out, it must still be scored.
        return min(
            float(k.sum() / max(1, e.valid.sum()))
            for k, e in zip(known, self.data.episodes, strict=True)
        )

    def _labeled(self, episode: LabeledEpisode, window: WindowConfig) -> np.ndarray:
        return labeled_rows(episode, window, self.data.contract.rate_hz)

    def _keep_common_rows(self, windows: Sequence[WindowConfig]) -> None:
        """All windows are scored on the same rows, those that are known in all of them."""
        episodes = []
        for episode in self.data.episodes:
            in_all = np.logical_and.reduce([self._labeled(episode, w) for w in windows])
            episodes.append(replace(episode, valid=in_all))
        self.data = replace(self.data, episodes=tuple(episodes))

    def _loss(self, config: InverseDynamicsConfig) -> Float[np.ndarray, "penalty block"]:
        key = config.model_dump_json()
        if key not in self.losses:
            rows = self._rows(config)
            parts = [self._part(part, rows, config) for part in range(len(self.folds.parts))]
            self.losses[key] = np.mean(parts, axis=0)
        return self.losses[key]

    def _rows(self, config: InverseDynamicsConfig) -> list[LabeledWindows]:
        if not config.learns_components:
            return [rows_of(e, self.data, config) for e in self.data.episodes]
        num = self.num_own + (config.components or 0)
        cut = [replace(e, features=e.features[:, :num]) for e in self.data.episodes]
        return [rows_of(e, self.data, config) for e in cut]

    def _part(
        self, part: int, rows: Sequence[LabeledWindows], config: InverseDynamicsConfig
    ) -> Float[np.ndarray, "penalty block"]:
        """Share of the variance of the left-out part that is not explained."""
        space = self.space
        fitted = _few(LabeledWindows.join([rows[i] for i in self.folds.others(part)]))
        held_out = _few(LabeledWindows.join([rows[i] for i in self.folds.parts[part]]))
        scaling = scaling_of(fitted, space, config, num_own=self.num_own)
        inputs, unseen = scaling.inputs(fitted.inputs), scaling.inputs(held_out.inputs)
        target = scaling.encoded(space.encode(fitted.actions))
        truth = scaling.encoded(space.encode(held_out.actions))
        exponent = exponent_of(inputs, config.kernel.width or _START_WIDTH)
        kernel, seen = gaussian(inputs, inputs, exponent), gaussian(unseen, inputs, exponent)
        given = config.kernel.penalties
        penalties = PENALTIES if given is None else given[:1]
        weights = scaling.error_weights(space)
        weights[:, np.ptp(fitted.actions, axis=0) < CONSTANT_SPREAD] = 0
        out = []
        for solution in solve(kernel, inputs, target, inputs, exponent, penalties):
            by_dimension = ((seen @ solution - truth) ** 2).mean(0) @ weights
            out.append([float(by_dimension[b.columns].sum()) for b in space.blocks])
        return np.array(out)


def _few(rows: LabeledWindows) -> LabeledWindows:
    """Evenly spread rows, not more than a choice needs."""
    step = -(-max(1, len(rows.actions)) // MAX_ROWS)
    names = ("inputs", "actions", "frames")
    return replace(rows, **{name: getattr(rows, name)[::step] for name in names})
