"""Training an inverse dynamics labeler: which action lies between what was before and after.

Non-causal, as in VPT (Baker et al. 2022, 2206.11795). Every member of the ensemble stops early on
episodes of its own; calibration and scores come from episodes that no member saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.action_space import ActionSpace
from models.calibration import Calibration, best_temperature, conformal_factor
from models.encoders import check_encoder, encoder_digest, open_encoder
from models.inverse_dynamics_config import InverseDynamicsConfig
from models.labeler import (
    LABELER_VERSION,
    Labeler,
    LabelerFacts,
    network_for,
    package_versions,
    save_labeler,
)
from models.training.data import LabelledSet
from models.training.loop import Problem, TrainListener, choose_device, train
from models.training.rows import Rows, frames_before, rows_of
from models.training.scores import score
from models.window_model import (
    Scaling,
    fit_ridge,
    network_loss,
    run_network,
    set_base,
    with_motion,
)
from pipeline.errors import DatasetError, UsageError

MIN_EPISODES = 3
"""One to calibrate on, two to learn from."""


def train_inverse_dynamics(
    data: LabelledSet,
    config: InverseDynamicsConfig,
    out: Path,
    *,
    listener: TrainListener | None = None,
) -> Labeler:
    """Trains a labeler and writes its folder; goes on where a killed training stopped.

    Args:
        data: Labelled episodes.
        config: Settings.
        out: Folder of the labeler; `OUT.training` beside it holds checkpoints until it is done.
        listener: Told about progress.

    Raises:
        DatasetError: Too few episodes, or none long enough to hold a window.
        UsageError: Settings that cannot be met, or checkpoints of another training.
    """
    check_settings(config)
    if config.kind != "ridge":
        choose_device(config.loop)
    space = ActionSpace.of(data.contract)
    digest = data.digest() + (encoder_digest(config.encoder) if config.camera else "")
    learned, calibrating = split_episodes(len(data.episodes), config)
    rows = [rows_of(e, data, config) for e in with_embeddings(data, config).episodes]
    seen = Rows.join([rows[i] for i in learned])
    if not len(seen.actions):
        raise DatasetError(
            "no row of the labelled episodes has a known window: their features are NaN there; "
            "shorten window.before_s and window.after_s, or name other inputs"
        )
    scaling = Scaling.of(seen.inputs, seen.actions, space)
    fit = _Fit(config, space, scaling, out.with_name(out.name + ".training"), digest, listener)
    members = tuple(
        fit.member(k, *member_split(k, learned, config), rows) for k in range(config.members)
    )
    labeler = Labeler(
        facts=_facts(data, config),
        scaling=scaling,
        members=members,
        calibration=Calibration(np.ones(len(data.contract.dimensions)), 1.0),
        metrics={},
    )
    labeler = calibrated(labeler, [rows[i] for i in calibrating])
    names = [data.episodes[i].name for i in calibrating]
    labeler = replace(labeler, metrics=labeler.metrics | {"held_out": names})
    save_labeler(labeler, out)
    fit.forget()
    return labeler


def check_settings(config: InverseDynamicsConfig) -> None:
    """Refuses settings that contradict each other.

    Raises:
        UsageError: Nothing to see, an unknown encoder, or ridge regression on raw pictures.
    """
    check_encoder(config.encoder)
    if not config.inputs and not config.camera:
        raise UsageError("a labeler must see something: set inputs or camera")
    if config.kind == "ridge" and config.learns_images:
        raise UsageError(
            "kind=ridge cannot train the image network 'cnn'; use kind=mlp, or a pretrained encoder"
        )


def split_episodes(num: int, config: InverseDynamicsConfig) -> tuple[list[int], list[int]]:
    """Episodes to learn from, and those for calibration and scores.

    Raises:
        DatasetError: Too few episodes for both.
    """
    if num < MIN_EPISODES:
        raise DatasetError(
            f"{num} labelled episodes are too few: at least {MIN_EPISODES} are needed, so that "
            "some can be held out for calibration"
        )
    order = np.random.default_rng(config.loop.seed).permutation(num)
    held = min(max(1, round(num * config.calibration_share)), num - 2)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


def member_split(
    member: int, learned: Sequence[int], config: InverseDynamicsConfig
) -> tuple[list[int], list[int]]:
    """Episodes that a member is fitted to, and those on which it stops early."""
    folds = min(config.members, len(learned))
    fitted = [e for i, e in enumerate(learned) if i % folds != member % folds]
    judged = [e for i, e in enumerate(learned) if i % folds == member % folds]
    return fitted, judged


def with_embeddings(data: LabelledSet, config: InverseDynamicsConfig) -> LabelledSet:
    """Pictures become columns, where a pretrained network says what is in them."""
    if not config.camera or config.learns_images:
        return data
    embed = open_encoder(config.encoder)
    episodes = []
    for episode in data.episodes:
        assert episode.images is not None
        before = episode.images[frames_before(episode, data, config)]
        columns = [episode.features, embed(episode.images, before)]
        episodes.append(replace(episode, features=np.concatenate(columns, 1), images=None))
    return replace(data, episodes=tuple(episodes))


def calibrated(labeler: Labeler, episodes: Sequence[Rows]) -> Labeler:
    """The labeler with what held-out episodes teach about its errors, and its scores on them."""
    space = labeler.space
    rows = Rows.join(episodes)
    encoded, log_variance = labeler.predict(rows.inputs, rows.embeddings_of(labeler))
    values, doubt = labeler.summarise(encoded, log_variance)
    factor = conformal_factor(space.error(values, rows.actions), doubt)
    choices = [b for b in space.blocks if b.kind == "discrete"]
    truth = space.encode(rows.actions)
    temperatures = [
        best_temperature(encoded[:, :, b.encoded].mean(0), truth[:, b.encoded]) for b in choices
    ]
    temperature = float(np.exp(np.mean(np.log(temperatures)))) if temperatures else 1.0
    labeler = replace(labeler, calibration=Calibration(factor, temperature))
    labels = [labeler.label(r.inputs, r.embeddings_of(labeler)) for r in episodes]
    metrics = score(labels, [r.actions for r in episodes], space, labeler.facts.constant)
    return replace(labeler, metrics=metrics)


@dataclass(frozen=True, eq=False)
class _Fit:
    """What the members share."""

    config: InverseDynamicsConfig
    space: ActionSpace
    scaling: Scaling
    work: Path
    digest: str
    listener: TrainListener | None

    def member(
        self, number: int, fitted: list[int], judged: list[int], rows: list[Rows]
    ) -> dict[str, np.ndarray]:
        here = Rows.join([rows[i] for i in fitted])
        there = Rows.join([rows[i] for i in judged])
        if not len(here.actions) or not len(there.actions):
            raise DatasetError(
                "an episode has no row with a known window; remove it, or shorten window.before_s "
                "and window.after_s"
            )
        ridge = fit_ridge(
            *self._scaled(here),
            self._scaled(there),
            self.scaling.error_weights(self.space),
            penalty=self.config.ridge_penalty,
        )
        return ridge if self.config.kind == "ridge" else self._network(number, here, there, ridge)

    def forget(self) -> None:
        """Removes the checkpoints; the curves stay."""
        for path in self.work.glob("member-*.pt"):
            path.unlink()
        if self.work.is_dir() and not any(self.work.iterdir()):
            self.work.rmdir()

    def _scaled(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
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
        self, number: int, here: Rows, there: Rows, ridge: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        config = self.config
        loop = config.loop.model_copy(update={"seed": config.loop.seed + 1000 * number})
        device = choose_device(loop)
        fitted, judged = self._tensors(here, device), self._tensors(there, device)
        settings = config.model_dump_json(exclude={"loop"})
        problem = Problem(
            name=f"member {number + 1} of {config.members}",
            build=lambda: self._build(ridge),
            num_rows=len(here.actions),
            loss=lambda module, batch: self._loss(module, fitted, batch),
            validate=lambda module: self._validation(module, judged),
            fingerprint=hashlib.sha256(f"{self.digest}|{settings}".encode()).hexdigest(),
        )
        done = train(
            problem, loop, checkpoint=self.work / f"member-{number}.pt", listener=self.listener
        )
        return {name: value.numpy() for name, value in done.module.state_dict().items()}

    def _tensors(self, rows: Rows, device: Any) -> dict[str, Any]:
        import torch

        inputs, encoded = self._scaled(rows)
        weights = self.scaling.error_weights(self.space)
        out: dict[str, Any] = {
            "inputs": torch.from_numpy(inputs).float().to(device),
            "target": torch.from_numpy(encoded).float().to(device),
            "weights": torch.from_numpy(weights).float().to(device),
        }
        if rows.images is not None:
            out["images"] = torch.from_numpy(rows.images).to(device)
            out["frames"] = torch.from_numpy(rows.frames).to(device)
            out["before"] = torch.from_numpy(rows.before).to(device)
        return out

    def _loss(self, module: Any, data: dict[str, Any], batch: Any) -> Any:
        embeddings = None
        if "images" in data:
            frames = data["frames"][batch]
            images, before = data["images"][frames], data["images"][data["before"][frames]]
            seen = with_motion(images, before).flatten(0, 1)
            embeddings = module["encoder"](seen).unflatten(0, frames.shape)
        out = run_network(module, data["inputs"][batch], embeddings).float()
        return network_loss(out, data["target"][batch], data["weights"], self.space)

    def _validation(self, module: Any, data: dict[str, Any]) -> float:
        import torch

        num, size = len(data["inputs"]), self.config.loop.batch_size
        total = 0.0
        for start in range(0, num, size):
            batch = torch.arange(start, min(start + size, num), device=data["inputs"].device)
            total += float(self._loss(module, data, batch)) * len(batch)
        return total / num


def _facts(data: LabelledSet, config: InverseDynamicsConfig) -> LabelerFacts:
    return LabelerFacts(
        version=LABELER_VERSION,
        family="inverse_dynamics",
        config=config,
        contract=data.contract,
        inputs=data.inputs,
        input_sizes=data.input_sizes,
        camera=data.camera,
        image_size=data.image_size,
        constant=data.constant,
        data_sha256=data.digest(),
        encoder_sha256=encoder_digest(config.encoder) if config.camera else "",
        packages=package_versions(),
    )
