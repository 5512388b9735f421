"""Episodes of a hand that goes to a thing, closes its gripper, carries it, opens, and leaves."""

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20
NAMES = (
    *(f"hand.{axis}" for axis in "xyz"),
    "gripper.opening",
    *(f"object.{axis}" for axis in "xyz"),
    *(f"goal.{axis}" for axis in "xyz"),
)


def episode(seed):
    """State (row, 10) of an episode, and the first rows of grasp, move and release."""
    draw = np.random.default_rng(seed)
    away, close, carry, leave = (int(n) for n in draw.integers(18, 30, 4))
    close //= 2
    start, thing, goal = np.array([[0, 0, 0.5], [0.5, 0, 0], [0.5, 0.5, 0]]) + draw.uniform(
        -0.1, 0.1, (3, 3)
    )
    reach = np.linspace(start, thing, away)
    way = np.linspace(thing, goal, carry)
    up = goal + np.linspace(0, 0.4, leave)[:, None] * [0.0, 0.0, 1.0]
    hand = np.concatenate([reach, np.repeat(thing[None], close, axis=0), way, up])
    moved = np.concatenate(
        [np.repeat(thing[None], away + close, axis=0), way, np.repeat(goal[None], leave, axis=0)]
    )
    opening = np.concatenate(
        [np.ones(away), np.linspace(1, 0.2, close), np.full(carry, 0.2),
         np.minimum(1, 0.2 + 0.4 * np.arange(1, leave + 1))]
    )  # fmt: skip
    goals = np.repeat(goal[None], len(hand), axis=0)
    # The point of the hand that is known is not in the middle of the thing.
    state = np.column_stack([hand + np.array([0.0, 0.0, 0.02]), opening, moved, goals])
    return state, [away, away + close, away + close + carry]


def publish(out, count, *, side_px=0):
    """A dataset of them, with pictures that show the hand as a bright square where asked."""
    dimensions = [Dimension(name=f"hand.d{axis}", quantity="position", unit="m") for axis in "xyz"]
    contract = ActionContract(
        robot="hand", dimensions=(*dimensions,), rotation="none", rate_hz=FPS, shift_s=0,
        is_state=False,
    )  # fmt: skip
    columns = StateColumns(NAMES, "m", "Hand, gripper, thing and goal.")
    with DatasetRecorder(contract, columns, camera="front" if side_px else "") as recorder:
        for number in range(count):
            state, _ = episode(number)
            rows = len(state)
            action = np.diff(state[:, :3], axis=0, append=state[-1:, :3]).astype(np.float32)
            encoder = None
            if side_px:
                pictures = [_drawn(row, side_px) for row in state]
                encoder = recorder.encoder(pictures[0])
                with encoder:
                    for picture in pictures:
                        encoder.add(picture)
            recorder.add(
                Rows(f"hand{number:03d}", "carry the thing", action, np.ones(rows, bool),
                     np.ones(rows), state),
                encoder,
            )  # fmt: skip
        recorder.publish(out, made_by="a test")
    return out


def _drawn(row, side_px):
    picture = np.full((side_px, side_px, 3), 40, np.uint8)
    for place, shade in ((row[:3], 220), (row[4:7], 120)):
        x, y = ((0.2 + 0.8 * place[:2].clip(-0.2, 0.9)) * (side_px - 8)).astype(int)
        picture[y : y + 8, x : x + 8] = shade
    return picture
