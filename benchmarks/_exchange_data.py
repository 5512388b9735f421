"""Datasets for policies: k episodes of the robot, n labeled videos of people, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks._exchange_film import film
from benchmarks._exchange_follow import followed
from benchmarks._exchange_labels import (
    Labeled,
    from_path,
    label,
    read_labels,
    write_recipe,
    write_robot,
)
from benchmarks._exchange_people import STEPS_A_FRAME, Acted, Person, act
from benchmarks._exchange_touch import touched_palm
from rotoscope.models.motion_tracks.follow import Follower
from rotoscope.models.simulators.metaworld import STATE_NAMES
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.files.atomic import atomic_path

Mask = Literal["position", "pose", "none", "contact", "truth"]
"""Which rows of videos count: those whose place and gripper can be believed, those whose turn can
be, too, or all. `contact` is `position` with each episode shifted so that the hand is beside the
thing as the robot's hand is when it begins to move things; `truth` has the true way of the
fingertips in place of the labels."""
MOVED_M, CONTACT_ROWS = 0.01, 10
"""A thing is moved once it is further from where it was, and a hand is at it in that many frames
from then on. Hands are off by 15 mm (push) and 21 (drawer-open) then, 16 and 34 before; with 2 or 5
mm and 1 or 5 frames it is 14 to 19 and 23 to 30."""
SEEN = tuple(name for name in STATE_NAMES if name != "gripper.opening")
"""What policies see. How far a hand is open says nothing of the robot's gripper."""
_COLUMNS = [STATE_NAMES.index(name) for name in SEEN]
ROBOT_SEED, PEOPLE_SEED = 20_000, 10_000
_SEEDS_APART = 200
"""Starts of which the robot's episodes of one repeat are taken: failures are left out."""


@dataclass(frozen=True, eq=False)
class Video:
    """One video, what truly was done in it, and its labeled episodes."""

    name: str
    person: str
    acted: Acted
    labels: list[Labeled]


def robot_episodes(task: str, num: int, repeat: int) -> list[Rows]:
    """The first solved episodes of the expert from the starts of a repeat."""
    simulator = open_simulator(f"metaworld:{task}")
    out: list[Rows] = []
    seed = ROBOT_SEED + _SEEDS_APART * repeat
    while len(out) < num:
        steps = list(rollout(simulator, scripted_expert(simulator), seed=seed,
                             steps_after_success=10))  # fmt: skip
        if any(one.step.is_success for one in steps):
            state = np.array([one.observation[STATE] for one in steps], float)
            actions = np.array([one.action for one in steps], float)
            out.append(_rows(f"robot{seed}", task, state[:, _COLUMNS], actions))
        seed += 1
    simulator.close()
    return out


def people_videos(task: str, people: Sequence[Person], num: int, folder: Path) -> list[Video]:
    """Films and labels `num` videos, shared among people; what is there already is kept."""
    robot = write_robot(folder / "robot")
    out = []
    for number, person in enumerate(people):
        videos = folder / person.name
        acted = _films(task, person, num // len(people), PEOPLE_SEED + 1000 * number, videos)
        labels = folder / f"{person.name}.labels"
        if not labels.exists():
            recipe = folder / f"{person.name}.yaml"
            palm_m = touched_palm(person, robot, folder.parent.parent / "touched")
            write_recipe(recipe, person, robot, palm_m)
            label(videos, recipe, labels)
        # From behind a thing no hand is seen, and no dataset is made.
        found = read_labels(labels) if labels.exists() else []
        for name, one in acted.items():
            out.append(Video(name, person.name, one, [e for e in found if e.video == name]))
    return out


def video_episodes(
    videos: Sequence[Video],
    task: str,
    mask: Mask,
    robot: Sequence[Rows] = (),
    follow: Follower | None = None,
) -> list[Rows]:
    """Labeled episodes as the robot's own rows: where things were is known, as of the robot's.

    Args:
        videos: Of people.
        task: What they did.
        mask: Which rows count, and whose way it is.
        robot: The robot's own episodes, which `contact` needs.
        follow: Makes the actions of the ways; moves of the hand itself where not given.
    """
    shifts = _to_contact(videos, robot) if mask == "contact" else {}
    out = []
    for video in videos:
        shown = [from_path(video.acted, video.name)] if mask == "truth" else video.labels
        for number, one in enumerate(shown):
            if mask == "contact" and id(one) not in shifts:
                continue
            state = video.acted.state[one.frame].copy()
            state[:, :3] = one.hand_m + shifts.get(id(one), 0.0)
            told = one if follow is None else followed(follow, one)
            valid = {"pose": one.is_valid, "none": np.ones(len(state), bool)}
            counts = valid.get(mask, one.is_placed) & np.isfinite(told.action).all(axis=1)
            name = f"{video.person}-{video.name}-{number}"
            rows = _rows(name, task, state[:, _COLUMNS], np.nan_to_num(told.action), counts,
                         one.confidence)  # fmt: skip
            if len(state) > 2 and counts.any():
                out.append(rows)
    return out


def write_dataset(out: Path, task: str, episodes: Sequence[Rows]) -> None:
    """As any dataset of the robot."""
    contract = open_simulator(f"metaworld:{task}").facts.contract
    told = StateColumns(SEEN, "m", "Where hand, thing and goal are.")
    with DatasetRecorder(contract, told, camera="") as recorder:
        for rows in episodes:
            recorder.add(rows)
        recorder.publish(out, made_by="benchmarks.exchange_rate")


def _to_contact(videos: Sequence[Video], robot: Sequence[Rows]) -> dict[int, np.ndarray]:
    """What to move an episode by [m], by its `id`; where it shows no contact, as its person's do.

    Episodes of a person of whom no contact was seen have none.
    """
    hand, thing = slice(0, 3), slice(3, 6)
    beside = []
    for rows in robot:
        assert rows.state is not None
        state = rows.state
        at = _contact(state[:, thing], CONTACT_ROWS * STEPS_A_FRAME)
        beside.append(np.median((state[:, hand] - state[:, thing])[at], axis=0))
    beside_m = np.nanmedian(beside, axis=0)
    out: dict[int, np.ndarray] = {}
    of_person: dict[str, list[np.ndarray]] = {}
    for video in videos:
        thing_m = video.acted.state[:, _COLUMNS][:, thing]
        at = _contact(thing_m, CONTACT_ROWS)
        for one in video.labels:
            seen = at[one.frame]
            if seen.any():
                away_m = beside_m + thing_m[one.frame] - one.hand_m
                out[id(one)] = np.median(away_m[seen], axis=0)
                of_person.setdefault(video.person, []).append(out[id(one)])
    for video in videos:
        if video.person in of_person:
            usual = np.median(of_person[video.person], axis=0)
            for one in video.labels:
                out.setdefault(id(one), usual)
    return out


def _contact(thing_m: np.ndarray, num: int) -> np.ndarray:
    """In which rows something begins to move the thing."""
    is_moved = np.linalg.norm(thing_m - thing_m[0], axis=1) > MOVED_M
    first = int(np.argmax(is_moved)) if is_moved.any() else len(is_moved)
    rows = np.arange(len(is_moved))
    return (rows >= first) & (rows < first + num)


def _rows(
    name: str,
    task: str,
    state: np.ndarray,
    actions: np.ndarray,
    valid: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
) -> Rows:
    whole = np.ones(len(actions))
    return Rows(
        name=name,
        task=task,
        actions=actions,
        valid=whole.astype(bool) if valid is None else valid,
        confidence=whole if confidence is None else confidence,
        state=state,
    )


def _films(task: str, person: Person, num: int, first_seed: int, folder: Path) -> dict[str, Acted]:
    """Videos of the first starts that the person solves, and what was done in each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder.with_suffix(".truth")
    truth.mkdir(exist_ok=True)
    out: dict[str, Acted] = {}
    seed = first_seed
    while len(out) < num:
        name, kept = f"seed{seed}.mp4", truth / f"seed{seed}.npz"
        if not kept.exists():
            acted = act(task, seed, np.random.default_rng([person.seed, seed]))
            if acted.is_solved:
                film(task, seed, acted, person, folder / name)
            with atomic_path(kept) as temporary, temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **vars(acted))
        with np.load(kept) as arrays:
            acted = Acted(**{key: arrays[key] for key in arrays.files})
        if bool(acted.is_solved):
            out[name] = acted
        seed += 1
    return out
