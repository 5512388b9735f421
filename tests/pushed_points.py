"""Demonstrations of a point that is pushed to a goal: actions are velocities with some weight."""

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20


def demonstration(seed, *, detour=None, rows=60, spread=0.3):
    """States (row, 4: place, goal) and actions (row, 2) of one episode.

    Args:
        seed: Which start and goal.
        detour: Rows `(start, end)` in which the point is led elsewhere.
        rows: Length, a few more by the seed.
        spread: How far starts and goals are apart from each other.
    """
    draw = np.random.default_rng(seed)
    place, goal = draw.uniform(-spread, spread, (2, 2)) + np.array([[-1, 0], [1, 0]])
    away = draw.uniform(-2, 2, 2)
    speed = np.zeros(2)
    states, actions = [], []
    for row in range(rows + seed % 7):
        is_away = detour is not None and detour[0] <= row < detour[1]
        action = np.clip(4 * ((away if is_away else goal) - place), -1, 1)
        states.append(np.concatenate([place, goal]))
        actions.append(action + draw.normal(0, 0.02, 2))
        speed = 0.5 * speed + 0.5 * actions[-1] / FPS
        place = place + speed
    return np.array(states), np.array(actions)


def moves(number, state, action):
    return Moves(number, action, state, np.ones(len(action), bool))


def episodes(num=20, detours=None):
    detours = detours or {}
    return [moves(n, *demonstration(n, detour=detours.get(n))) for n in range(num)]


def contract():
    dimensions = [
        Dimension(name=f"push.{axis}", quantity="position", unit="m", lower=-1.2, upper=1.2)
        for axis in "xy"
    ]
    return ActionContract(
        robot="point", dimensions=(*dimensions,), rotation="none", rate_hz=FPS, shift_s=0,
        is_state=False,
    )  # fmt: skip


def publish(out, told, *, success=None):
    """A dataset without pictures.

    Args:
        out: Where to.
        told: `Moves` by episode.
        success: By episode, whether it was solved; unknown where `None`.
    """
    names = ("place.x", "place.y", "goal.x", "goal.y")
    columns = StateColumns(names, "m", "Place of the point, and its goal.")
    with DatasetRecorder(contract(), columns, camera="") as recorder:
        for one in told:
            rows = len(one.action)
            solved = None if success is None else np.full(rows, success[one.episode])
            recorder.add(
                Rows(
                    f"point{one.episode:03d}", "push the point", one.action.astype(np.float32),
                    one.valid, np.ones(rows), one.state, solved,
                )
            )  # fmt: skip
        recorder.publish(out, made_by="a test")
    return out
