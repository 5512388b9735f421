"""How long a person's palm must be said to be: found from marks that the person touches.

Distances are proportional to the palm's length, and what a ruler says is a few percent off what
landmarks of this hand from this side mean by it. A person who touches three marks of known place
before the camera that films the tasks tells the length by which the marks are where they are.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks._exchange_film import film, hand_of
from benchmarks._exchange_labels import label, read_labels, write_recipe
from benchmarks._exchange_people import CHOSEN_ON, HAND_TO_TIP_M, Acted, Person
from rotoscope.models.simulators.metaworld import STATE_NAMES
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import se3

MARKS_M = ((-0.12, 0.62, 0.03), (0.12, 0.66, 0.03), (0.0, 0.75, 0.12))
"""World frame."""
HELD_FRAMES, MOVING_FRAMES = 12, 16
_APERTURE_M = 0.04


def touched_palm(person: Person, robot: Path, folder: Path) -> float:
    """The palm's length [m] that puts the touched marks where they are; kept in `folder`."""
    kept = folder / f"{person.name}.json"
    if not kept.exists():
        videos, labels = folder / person.name, folder / f"{person.name}.labels"
        acted, is_held = touching()
        videos.mkdir(parents=True, exist_ok=True)
        film(CHOSEN_ON, 0, acted, person, videos / "touch.mp4")
        ruler_m = hand_of(person).palm_length_m
        recipe = folder / f"{person.name}.yaml"
        write_recipe(recipe, person, robot, ruler_m)
        if not labels.exists():
            label(videos, recipe, labels)
        T_camera_world = se3.inverse(person.T_world_camera)
        ratios = []
        for one in read_labels(labels):
            rows = one.is_placed & is_held[one.frame]
            seen = se3.apply(T_camera_world, one.hand_m[rows] + HAND_TO_TIP_M)
            true = se3.apply(T_camera_world, acted.tip_m[one.frame[rows]])
            ratios.append(true[:, 2] / seen[:, 2])
        palm_m = ruler_m * float(np.median(np.concatenate(ratios)))
        with atomic_path(kept) as temporary:
            temporary.write_text(json.dumps({"ruler_m": ruler_m, "palm_m": palm_m}))
    return float(json.loads(kept.read_text())["palm_m"])


def touching() -> tuple[Acted, Bool[np.ndarray, " row"]]:
    """A hand that goes from mark to mark, and in which frames it rests at one."""
    marks = np.array(MARKS_M)
    share = np.linspace(0, 1, MOVING_FRAMES + 2)[1:-1, None]
    share = share**3 * (10 - 15 * share + 6 * share**2)
    parts, held = [], []
    for number, mark in enumerate(marks):
        parts.append(np.tile(mark, (HELD_FRAMES, 1)))
        held.append(np.ones(HELD_FRAMES, bool))
        if number + 1 < len(marks):
            parts.append(mark + share * (marks[number + 1] - mark))
            held.append(np.zeros(MOVING_FRAMES, bool))
    tip_m = np.concatenate(parts)
    simulator = open_simulator(f"metaworld:{CHOSEN_ON}")
    simulator.reset(0)
    qpos = simulator._environment.data.qpos.copy()  # type: ignore[attr-defined]
    simulator.close()
    num = len(tip_m)
    nothing = np.zeros((num, len(STATE_NAMES)))
    still = np.tile(qpos, (num, 1))
    is_held = np.concatenate(held)
    return Acted(nothing, tip_m, np.full(num, _APERTURE_M), is_held, still), is_held
