"""What a labeler looks at, where other things move: one camera or two, all or what tracks follow.

    python -m benchmarks.labelers.looks sweep-into-v3 --ways idm idm2 latent --seeds 0 1 2

Sixteen expert episodes are labeled, fifty are to be, 64 px, with distractors (`--plain` without).
Of every way and seed: R2 of the labels, and starts that a policy on them solves, of fifty. Policies
see the simulator's state, as in `video_cells`. `latent-plan` makes no labels: its policy plans the
latents of all sixty-six episodes and decodes them as the sixteen say; its R2 is that of decoding
the true latents of the fifty. `clone` learns the sixteen's actions alone, and labels nothing. The
first run films for some minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.latent_cells import LATENTS, LOOP
from benchmarks.labelers.latent_video import color_tracks, point_names
from benchmarks.labelers.metaworld_cells import label_scores
from benchmarks.labelers.policy import POLICY, clone, num_policy_successes, policy_inputs
from benchmarks.labelers.product import metaworld_contract
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator, unseen_seeds
from benchmarks.labelers.tasks.rendered import RATE_HZ, Footage, footage
from benchmarks.labelers.tasks.rendered_scene import SIZE
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo
from rotoscope.models.latent_actions.model import LATENT_FOLDER, LatentModel
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.policy.bc_policy import BcPolicy
from rotoscope.models.policy.bc_train import train_bc
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.latent_plan import latents_of_episodes
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.focus import FocusConfig, focused, held
from rotoscope.models.training.windows import nearest_frames

NUM_STARTS = 50
_WHOLE = FocusConfig()


@dataclass(frozen=True)
class Way:
    """What is looked at, and through what."""

    cameras: tuple[str, ...] = ("left",)
    """Of the scene."""
    focus: FocusConfig = _WHOLE
    """Of the labeler and of the latent action model."""
    is_latent: bool = False
    """Whether it decodes the latents of a model that tracks have taught (`laom-tracks`)."""
    exchange: float = 0.0
    """Of the latent action model."""
    plans: bool = False
    """Whether the policy plans latents itself."""
    only_known: bool = False
    """Whether the policy learns from the labeled episodes alone."""


_FOCUS = FocusConfig(tracks=point_names(), radius=0.1)
_BOTH = ("left", "right")
WAYS = {
    "idm": Way(),
    "idm2": Way(_BOTH),
    "idm-focus": Way(focus=_FOCUS),
    "idm2-focus": Way(_BOTH, _FOCUS),
    "latent": Way(is_latent=True),
    "latent2": Way(_BOTH, is_latent=True),
    "latent-focus": Way(focus=_FOCUS, is_latent=True),
    "latent-exchange": Way(
        focus=_FOCUS.model_copy(update={"kept": 1.0}), is_latent=True, exchange=0.5
    ),
    "latent-plan": Way(is_latent=True, plans=True),
    "clone": Way(only_known=True),
}
PLAN_GAP_S = 0.1
"""Time that a planned latent spans [s]: that of `representations`, which was chosen on push-v3."""


def labeled_set(shot: Footage, way: Way) -> LabeledSet:
    """Episodes as the product reads them from a dataset; all things are followed by color."""
    episodes = []
    for number, demonstration in enumerate(shot.demonstrations):
        images = np.concatenate([shot.pixels[c][number] for c in way.cameras], axis=1)
        time_s = np.arange(len(images)) / RATE_HZ
        seen = [color_tracks(shot.files[c][number])[:, :, :2] for c in way.cameras]
        points = held(np.stack(seen, axis=1), time_s)
        actions = demonstration.actions.astype(float)
        # The picture after the last action is a row whose own action nobody knows.
        last = np.full((1, actions.shape[1]), np.nan)
        has_focus = bool(way.focus.tracks)
        episodes.append(
            LabeledEpisode(
                name=f"episode {demonstration.seed}",
                time_s=time_s,
                features=np.zeros((len(images), 0)),
                actions=np.concatenate([actions, last]),
                valid=np.arange(len(images)) < len(images) - 1,
                images=focused(images, points, way.focus) if has_focus else images,
                points=points if has_focus else None,
            )
        )
    size = (SIZE, SIZE)
    cameras = tuple(f"observation.images.{c}" for c in way.cameras)
    return LabeledSet(
        tuple(episodes),
        metaworld_contract(),
        camera=cameras if len(cameras) > 1 else cameras[0],
        image_size=size,
        more_sizes=(size,) * (len(cameras) - 1),
    )


def labels_of(
    known: LabeledSet, hidden: LabeledSet, shots: Sequence[Footage], way: Way, seed: int
) -> list[Labels]:
    """Trains on the known episodes and labels the hidden ones, `shots` in that order."""
    settings: dict[str, Any] = {"camera": known.camera, "kind": "kernel", "loop": {"seed": seed}}
    settings["focus"] = way.focus
    with tempfile.TemporaryDirectory() as folder:
        if way.is_latent:
            _train_latent(known, hidden, shots, way, seed, Path(folder) / "latent")
            settings["encoder"] = f"latent:{Path(folder) / 'latent'}"
        config_idm = InverseDynamicsConfig.model_validate(settings)
        labeler = train_inverse_dynamics(known, config_idm, Path(folder) / "labeler")
        return [_labeled(labeler, episode) for episode in hidden.episodes]


def _train_latent(
    known: LabeledSet,
    hidden: LabeledSet,
    shots: Sequence[Footage],
    way: Way,
    seed: int,
    out: Path,
) -> LatentModel:
    """A latent action model of all episodes' pictures, taught by tracks."""
    loop = LatentActionConfig().loop.model_copy(update={**LOOP, "seed": seed})
    own = {"camera": known.camera, "focus": way.focus, "exchange": way.exchange}
    gap = {"gap_s": PLAN_GAP_S} if way.plans else {}
    config = LatentActionConfig.model_validate(
        {**LATENTS["laom-tracks"], **own, **gap, "loop": loop}
    )
    return train_latent_action(_videos(((known, shots[0]), (hidden, shots[1])), way), config, out)


def planner_of(
    known: LabeledSet, hidden: LabeledSet, shots: Sequence[Footage], way: Way, seed: int
) -> tuple[BcPolicy, list[Labels]]:
    """A policy that plans latents, and what it decodes the hidden episodes' own latents to."""
    shown = (*known.episodes, *hidden.episodes)
    demonstrations = (*shots[0].demonstrations, *shots[1].demonstrations)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "latent"
        model = _train_latent(known, hidden, shots, way, seed, place)
        latents = latents_of_episodes(model, shown, LATENT_FOLDER.digest(place))
        seen = _with_states(shown, demonstrations)
        counts = [e.valid & (i < len(known.episodes)) for i, e in enumerate(seen)]
        policy = train_bc(
            LabeledSet(tuple(seen), known.contract),
            [RowWeights(rows, rows.astype(float)) for rows in counts],
            BcConfig.model_validate({"plans": f"latent:{place}", "loop": {"seed": seed}}),
            Path(folder) / "policy",
            input_names=[_state_names(seen)],
            latents=latents,
        )
    assert policy.planner is not None
    labels = []
    for number in range(len(known.episodes), len(seen)):
        rows, features = np.flatnonzero(latents.known(number)), seen[number].features
        told = policy.planner.beside(features[rows], None, latents.values[number][rows])
        values = policy.decoded(told, None)[:, 0]
        every = np.arange(len(features) - 1)
        nearest = nearest_frames(rows.astype(float), every.astype(float))
        labels.append(Labels(values[nearest], np.full_like(values[nearest], np.nan)))
    return policy, labels


def cloned(known: LabeledSet, shot: Footage, seed: int) -> BcPolicy:
    """A policy that learns the actions of the labeled episodes, and nothing else."""
    seen = _with_states(known.episodes, shot.demonstrations)
    with tempfile.TemporaryDirectory() as folder:
        return train_bc(
            LabeledSet(tuple(seen), known.contract),
            [RowWeights(e.valid, e.valid.astype(float)) for e in seen],
            BcConfig.model_validate({"loop": {"seed": seed}}),
            Path(folder) / "policy",
            input_names=[_state_names(seen)],
        )


def _with_states(
    episodes: Sequence[LabeledEpisode], demonstrations: Sequence[Demonstration]
) -> list[LabeledEpisode]:
    """Episodes as policies see them here: the simulator's state in the pictures' place."""
    return [
        replace(e, features=policy_inputs(d.observations).astype(float), images=None, points=None)
        for e, d in zip(episodes, demonstrations, strict=True)
    ]


def _state_names(seen: Sequence[LabeledEpisode]) -> list[str]:
    return [f"state.{i}" for i in range(seen[0].features.shape[1])]


def _labeled(labeler: Labeler, episode: LabeledEpisode) -> Labels:
    made, known = infer_episode(labeler, episode)
    rows = np.arange(len(known) - 1, dtype=float)
    nearest = nearest_frames(np.flatnonzero(known).astype(float), rows)
    return Labels(np.clip(made.values, -1, 1)[nearest], made.half_width[nearest])


def _videos(sets: Sequence[tuple[LabeledSet, Footage]], way: Way) -> UnlabelledSet:
    videos = []
    for data, shot in sets:
        for episode, file in zip(data.episodes, shot.files[way.cameras[0]], strict=True):
            tracks = color_tracks(file)
            assert episode.images is not None
            videos.append(
                UnlabelledVideo(
                    name=f"{file.parent.name}/{file.name}",
                    time_s=episode.time_s,
                    images=episode.images,
                    targets=tracks.reshape(len(tracks), -1),
                    points=tracks[:, :, :2],
                    focus=episode.points,
                )
            )
    names = tuple(name for name in point_names() for _ in range(6))
    return UnlabelledSet(tuple(videos), ("metaworld",), (SIZE, SIZE), names)


def num_solved(
    simulator: MetaWorldSimulator,
    demonstrations: Sequence[Demonstration],
    labels: Sequence[Labels],
    seed: int,
) -> int:
    """Starts that a policy cloned from the labels solves."""
    policy = clone([d.observations for d in demonstrations], labels, replace(POLICY, seed=seed))
    return num_policy_successes(simulator, policy, unseen_seeds(NUM_STARTS))


def num_solved_by(simulator: MetaWorldSimulator, policy: BcPolicy) -> int:
    """Starts that a policy of the product solves."""

    def act(state: np.ndarray) -> np.ndarray:
        policy.reset(0)
        return policy.act({"observation.state": policy_inputs(state)})

    return simulator.num_successes(act, unseen_seeds(NUM_STARTS))


def main() -> None:
    """Prints a line for every way and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    simulator, folder = MetaWorldSimulator(given.task), bench_folder() / "episodes"
    shots = [
        footage(simulator, name, folder, has_distractors=not given.plain)
        for name in ("K16", "hidden")
    ]
    demonstrations = shots[1].demonstrations
    for name in given.ways:
        known, hidden = (labeled_set(shot, WAYS[name]) for shot in shots)
        for seed in given.seeds:
            if WAYS[name].only_known:
                won = num_solved_by(simulator, cloned(known, shots[0], seed))
                print(f"{given.task} {name} seed {seed}: {won} of {NUM_STARTS}", flush=True)
                continue
            if WAYS[name].plans:
                policy, labels = planner_of(known, hidden, shots, WAYS[name], seed)
                won = num_solved_by(simulator, policy)
                print(f"{name} seed {seed}, held-out labeled episodes: {policy.metrics['plan']}")
            else:
                labels = labels_of(known, hidden, shots, WAYS[name], seed)
                won = num_solved(simulator, demonstrations, labels, seed)
            r2 = label_scores(labels, demonstrations)["r2_mean"]
            found = f"R2 {r2:.3f}, {won} of {NUM_STARTS}"
            print(f"{given.task} {name} seed {seed}: {found}", flush=True)


if __name__ == "__main__":
    main()
