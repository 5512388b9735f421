"""Training an inverse dynamics labeler: which action lies between what was before and after.

Non-causal, as in VPT (Baker et al. 2022, 2206.11795). Every member of an ensemble leaves out
episodes of its own; calibration and scores come from members that did not see the episode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.inverse_dynamics.blend import fit_beside, seen_beside
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.cross_conformal import HeldOut, calibrated, uncalibrated
from rotoscope.models.inverse_dynamics.encoders import encoder_digest, open_encoder
from rotoscope.models.inverse_dynamics.kernel_ridge import fit_kernel
from rotoscope.models.inverse_dynamics.kernel_search import choose_kernel, least_window
from rotoscope.models.inverse_dynamics.labeler import Labeler, save_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LabelerFacts
from rotoscope.models.inverse_dynamics.networks import (
    LabelerScaling,
    fit_ridge,
    network_for,
    network_loss,
    run_network,
    set_base,
    with_motion,
)
from rotoscope.models.inverse_dynamics.rows import (
    DEFAULT_COMPONENTS,
    LabeledWindows,
    as_columns,
    components_of,
    labeled_rows,
    rows_of,
    scaling_of,
)
from rotoscope.models.labelers.facts import facts_of_data
from rotoscope.models.labelers.familiarity_training import learn_familiarity
from rotoscope.models.labelers.trivial import trivial_scores
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.alike import alike, alike_names
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.focus import exchanged, weights_near
from rotoscope.models.training.folds import MIN_EPISODES, Folds
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.rows import Batch, Rows
from rotoscope.models.training.windows import WindowConfig
from rotoscope.pipeline.errors import DatasetError, UsageError

_NUM_SEEDS = 3
"""Seeds that `kind=ridge` is scored with."""


def train_inverse_dynamics(
    data: LabeledSet,
    config: InverseDynamicsConfig,
    out: Path,
    *,
    listener: TrainListener | None = None,
) -> Labeler:
    """Trains a labeler and writes its folder; goes on where a killed training stopped.

    Args:
        data: Labeled episodes.
        config: Settings.
        out: Folder of the labeler; `OUT.training` beside it holds checkpoints until it is done.
        listener: Told about progress.

    Episodes without a row whose window is known are left out, and named in the metrics.

    Raises:
        DatasetError: Too few episodes, or none long enough to hold a window.
        UsageError: Settings that cannot be met, or checkpoints of another training.
    """
    data, left_out = _with_known_windows(data, config)
    Folds.of(alike(data.episodes), config.members, seed=config.loop.seed)  # enough of them?
    if config.kind == "kernel":
        num_blocks = len(ActionSpace.of(data.contract).blocks)
        num = len(config.kernel.penalties or (1,))
        if num not in (1, num_blocks):
            raise UsageError(
                f"kernel.penalties has {num} numbers; give one, or one for each of the "
                f"{num_blocks} parts of the action"
            )
        labeler = _train_kernel(data, config)
    else:
        labeler = _train_members(data, config, work_folder(out), listener)
    window = labeler.facts.config.window
    metrics = labeler.metrics | {
        "seeds": _seeds(data, config, labeler, work_folder(out)),
        "trivial_r2": trivial_scores(
            data, [labeled_rows(e, window, data.contract.rate_hz) for e in data.episodes]
        ),
        "rows_without_window": _num_without_window(data, window),
        "left_out": left_out,
        "alike": alike_names(data.episodes),
    }
    familiarity = learn_familiarity(data, seed=config.loop.seed)
    labeler = replace(labeler, familiarity=familiarity, metrics=metrics)
    save_labeler(labeler, out)
    remove_checkpoints(work_folder(out))
    return labeler


def _seeds(
    data: LabeledSet, config: InverseDynamicsConfig, labeler: Labeler, work: Path
) -> dict[str, Any]:
    """Mean R2 on held-out episodes with other seeds; of the kind that costs next to nothing."""
    found = [labeler.metrics.get("mean_r2")]
    if config.kind == "ridge":
        for seed in range(config.loop.seed + 1, config.loop.seed + _NUM_SEEDS):
            loop = config.loop.model_copy(update={"seed": seed})
            other = config.model_copy(update={"loop": loop})
            found.append(_train_members(data, other, work, None).metrics.get("mean_r2"))
    return {"num": len(found), "mean_r2": found}


def _num_without_window(data: LabeledSet, window: WindowConfig) -> int:
    """Rows whose action counts and of which nothing is learned: they get no label, either."""
    rate_hz = data.contract.rate_hz
    return sum(int((e.valid & ~labeled_rows(e, window, rate_hz)).sum()) for e in data.episodes)


def _with_known_windows(
    data: LabeledSet, config: InverseDynamicsConfig
) -> tuple[LabeledSet, list[str]]:
    """The episodes that something can be learned from, and the names of the others."""
    rate_hz = data.contract.rate_hz
    window = least_window(config, rate_hz)
    known, names = [], []
    for episode in data.episodes:
        if labeled_rows(episode, window, rate_hz).any():
            known.append(episode)
        else:
            names.append(episode.name)
    if not known:
        raise DatasetError(
            f"none of the {len(names)} episodes has a row with a valid action and a window of "
            "known features: they are NaN there, or the window is longer than the episode; shorten "
            "window.before_s and window.after_s, or name other inputs"
        )
    return replace(data, episodes=tuple(known)) if names else data, names


def _train_kernel(data: LabeledSet, config: InverseDynamicsConfig) -> Labeler:
    """One model of all episodes; its errors are those of models that lack a part of them.

    Such models choose their settings without that part, too.
    """
    space = ActionSpace.of(data.contract)
    sha256 = data.digest()
    seen = data
    if config.camera and not config.learns_components:
        seen = as_columns(data, config, open_encoder(config.image_network, config.loop.device))
    chosen = choose_kernel(seen, config, space)
    folds = Folds.of(alike(data.episodes), max(3, config.members), seed=config.loop.seed)
    every = list(range(len(seen.episodes)))
    num_own = data.episodes[0].features.shape[1]
    whole, _ = _kernel_labeler(seen, every, chosen, space, num_own)
    whole = replace(whole, facts=_facts(data, chosen, sha256))
    parts, is_nested = [], True
    for number, part in enumerate(folds.parts):
        others, settings = folds.others(number), chosen
        # Settings that were chosen on an episode make its errors look smaller than the next one's.
        known = replace(seen, episodes=tuple(seen.episodes[i] for i in others))
        if len(alike(known.episodes)) >= MIN_EPISODES:
            settings = choose_kernel(known, config, space)
        else:
            is_nested = False
        blind, rows = _kernel_labeler(seen, others, settings, space, num_own)
        blind = replace(blind, facts=_facts(data, settings, sha256))
        names = tuple(data.episodes[i].name for i in part)
        parts.append(HeldOut(blind, tuple(rows[i] for i in part), names))
    labeler = calibrated(whole, parts)
    return replace(labeler, metrics=labeler.metrics | {"settings_chosen_without": is_nested})


def _kernel_labeler(
    data: LabeledSet,
    fitted: list[int],
    config: InverseDynamicsConfig,
    space: ActionSpace,
    num_own: int,
) -> tuple[Labeler, list[LabeledWindows]]:
    """A labeler that knows some episodes, and all episodes as it sees them."""
    components = None
    if config.learns_components:
        known = replace(data, episodes=tuple(data.episodes[i] for i in fitted))
        components = components_of(known, config, config.components or DEFAULT_COMPONENTS)
    columns = as_columns(data, config, components)
    rows = [rows_of(e, columns, config) for e in columns.episodes]
    here = LabeledWindows.join([rows[i] for i in fitted])
    scaling = scaling_of(here, space, config, num_own=num_own)
    width, penalties = config.kernel.width, config.kernel.penalties
    assert width is not None
    assert penalties is not None
    per_block = np.broadcast_to(penalties, len(space.blocks))
    widths = [b.encoded.stop - b.encoded.start for b in space.blocks]
    member = fit_kernel(
        scaling.inputs(here.inputs),
        scaling.encoded(space.encode(here.actions)),
        width=width,
        penalties=np.repeat(per_block, widths),
    )
    return uncalibrated(_facts(data, config, ""), scaling, components, (member,)), rows


def _train_members(
    data: LabeledSet, config: InverseDynamicsConfig, work: Path, listener: TrainListener | None
) -> Labeler:
    """An ensemble, each member without two parts of the episodes."""
    space = ActionSpace.of(data.contract)
    folds = Folds.for_members(alike(data.episodes), config.members, seed=config.loop.seed)
    facts = _facts(data, config, data.digest())
    components = None
    if config.learns_components:
        components = components_of(data, config, config.components or DEFAULT_COMPONENTS)
    is_column = config.camera and not config.learns_images
    embed = components or (
        open_encoder(config.image_network, config.loop.device) if is_column else None
    )
    columns = as_columns(data, config, embed)
    rows = [rows_of(e, columns, config) for e in columns.episodes]
    seen = LabeledWindows.join(rows)
    scaling = scaling_of(seen, space, config, num_own=data.episodes[0].features.shape[1])
    fit = _Fit(config, space, scaling, work, facts.data_sha256 + facts.encoder_sha256, listener)
    members = tuple(
        fit.member(k, folds.fitted(k), list(folds.parts[folds.left_out(k)[0]]), rows)
        for k in range(config.members)
    )
    every = list(range(len(data.episodes)))
    labeler = replace(
        uncalibrated(facts, scaling, components, members), beside=fit.beside(every, data, rows)
    )
    parts = []
    for number, part in enumerate(folds.parts):
        blind = tuple(members[k] for k in folds.blind(number, config.members))
        names = tuple(data.episodes[i].name for i in part)
        beside = fit.beside(folds.others(number), data, rows)
        held = replace(labeler, members=blind, beside=beside)
        parts.append(HeldOut(held, tuple(rows[i] for i in part), names))
    return calibrated(labeler, parts)


@dataclass(frozen=True, eq=False)
class _Fit:
    """What the members share."""

    config: InverseDynamicsConfig
    space: ActionSpace
    scaling: LabelerScaling
    work: Path
    digest: str
    listener: TrainListener | None

    def member(
        self, number: int, fitted: list[int], held_out: list[int], rows: list[LabeledWindows]
    ) -> dict[str, np.ndarray]:
        here = LabeledWindows.join([rows[i] for i in fitted])
        there = LabeledWindows.join([rows[i] for i in held_out])
        ridge = fit_ridge(
            *self._scaled(here),
            self._scaled(there),
            self.scaling.error_weights(self.space),
            penalty=self.config.ridge_penalty,
        )
        return ridge if self.config.kind == "ridge" else self._network(number, here, there, ridge)

    def beside(
        self, fitted: list[int], data: LabeledSet, rows: list[LabeledWindows]
    ) -> dict[str, np.ndarray]:
        """The kernel beside the networks, of some episodes; nothing where there is none."""
        if not self.config.is_blend:
            return {}
        parts = []
        for i in fitted:
            inputs, encoded = self._scaled(rows[i])
            parts.append((seen_beside(inputs, self.config, data.contract.rate_hz), encoded))
        groups = alike([data.episodes[i] for i in fitted])
        return fit_beside(parts, groups, self.scaling.error_weights(self.space), self.space)

    def _scaled(self, rows: LabeledWindows) -> tuple[np.ndarray, np.ndarray]:
        encoded = self.scaling.encoded(self.space.encode(rows.actions))
        return self.scaling.inputs(rows.inputs), encoded

    def _build(self, ridge: dict[str, np.ndarray]) -> Any:
        module = network_for(self.config, self.space, len(self.scaling.input_mean))
        if "base" in module:
            weight = ridge["weight"].copy()
            for block in self.space.blocks:
                if block.kind == "discrete":
                    # Shares, 0..1, become logits to start from: 1/2 more is e^4 times as likely.
                    weight[-1, block.encoded] -= 0.5
                    weight[:, block.encoded] *= 8
            set_base(module, weight)
        return module

    def _network(
        self,
        number: int,
        here: LabeledWindows,
        there: LabeledWindows,
        ridge: dict[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        config = self.config
        loop = config.loop.model_copy(update={"seed": config.loop.seed + 1000 * number})
        settings = config.model_dump_json(exclude={"loop"})
        problem = Problem(
            name=f"member {number + 1} of {config.members}",
            build=lambda: self._build(ridge),
            fitted=self._rows(here),
            held_out=self._rows(there),
            loss=self._loss,
            fingerprint=f"{self.digest}|{settings}",
        )
        done = train(
            problem, loop, checkpoint=self.work / f"member-{number}.pt", listener=self.listener
        )
        return {name: value.numpy() for name, value in done.module.state_dict().items()}

    def _rows(self, rows: LabeledWindows) -> Rows:
        import torch

        inputs, target = (values.astype(np.float32) for values in self._scaled(rows))
        weights = self.scaling.error_weights(self.space).astype(np.float32)

        def read(some: Int[np.ndarray, " row"]) -> Batch:
            found = {"inputs": inputs[some], "target": target[some], "weights": weights}
            if rows.images is not None:
                frames = rows.frames[some]
                found["images"] = rows.images[frames]
                found["before"] = rows.images[rows.before[frames]]
                if rows.points is not None and self.config.exchange:
                    found["near"] = self._near(rows.points[frames])
                    found["near_before"] = self._near(rows.points[rows.before[frames]])
            return {name: torch.from_numpy(values) for name, values in found.items()}

        frames = 1 if rows.images is None else rows.frames.shape[1]
        return Rows(len(rows.actions), read, frames)

    def _near(self, points: Float[np.ndarray, "row tap camera point 2"]) -> np.ndarray:
        side, radius = self.config.image_size, self.config.focus.radius
        near = weights_near(points.reshape(-1, *points.shape[2:]), side=side, radius=radius)
        return near.reshape(*points.shape[:2], *near.shape[1:])

    def _loss(self, module: Any, batch: Batch) -> Any:
        embeddings = None
        if "images" in batch:
            images, before = batch["images"], batch["before"]
            if "near" in batch and module.training:
                images, before = self._exchanged(batch)
            seen = with_motion(images, before).flatten(0, 1)
            embeddings = module["encoder"](seen).unflatten(0, images.shape[:2])
        out = run_network(module, batch["inputs"], embeddings).float()
        return network_loss(out, batch["target"], batch["weights"], self.space)

    def _exchanged(self, batch: Batch) -> Any:
        """Pictures, and those before them, each row before one background."""
        import torch

        images = torch.cat([batch["images"], batch["before"]], dim=1)
        near = torch.cat([batch["near"], batch["near_before"]], dim=1)
        return exchanged(images, near, share=self.config.exchange).chunk(2, dim=1)


def _facts(data: LabeledSet, config: InverseDynamicsConfig, data_sha256: str) -> LabelerFacts:
    return LabelerFacts(
        **facts_of_data(data, data_sha256),
        family="inverse_dynamics",
        config=config,
        levels=data.levels(),
        encoder_sha256=encoder_digest(config.image_network) if config.camera else "",
    )
