import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.models.simulators import pusht_physics as physics
from rotoscope.models.simulators.pusht import PushTSimulator, open_pusht
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Views, open_simulator
from rotoscope.pipeline.errors import UsageError

pytest.importorskip("gym_pusht")

POSES = st.tuples(st.floats(150, 350), st.floats(150, 350), st.floats(-4, 4)).map(np.array)


def at_center(middle: np.ndarray, angle_rad: float) -> np.ndarray:
    """The block whose center of area is there."""
    turned = physics.center(np.array([[0.0, 0.0, angle_rad]]))[0]
    return np.array([*(middle - turned), angle_rad])


@given(block=POSES)
def test_distance_is_zero_on_the_outline_and_its_direction_leads_away(block: np.ndarray) -> None:
    tip = physics.corners(block)[1, 2:].mean(0)[None]  # middle of the stem's end
    signed, away = physics.distance(block[None], tip)
    assert signed[0] == pytest.approx(0, abs=1e-9)
    further, _ = physics.distance(block[None], tip + 5 * away)
    assert further[0] == pytest.approx(5, abs=1e-6)


@settings(deadline=None)
@given(block=POSES, angle=st.floats(-3.1, 3.1), length=st.floats(5, 80))
def test_a_disc_never_ends_inside_the_block(block: np.ndarray, angle: float, length: float) -> None:
    way = np.array([[np.cos(angle), np.sin(angle)]])
    start = physics.center(block[None]) - 150 * way
    blocks, agents = physics.pushed(block[None], start, (60 + length) * way)
    assert physics.distance(blocks, agents)[0][0] > physics.AGENT_RADIUS_PX - 0.5


def test_a_push_through_the_center_turns_nothing_and_one_beside_it_does() -> None:
    block = at_center(np.array([256.0, 256.0]), 0.0)[None]
    for offset, turns in ((0.0, False), (40.0, True)):
        start = np.array([[256 + offset, 100.0]])
        moved, _ = physics.pushed(block, start, np.array([[0.0, 130.0]]))
        assert moved[0, 1] > block[0, 1] + 5
        assert (abs(moved[0, 2]) > 0.05) == turns


def test_a_block_that_nothing_touches_stays() -> None:
    block = at_center(np.array([256.0, 256.0]), 1.0)[None]
    moved, _ = physics.pushed(block, np.array([[20.0, 20.0]]), np.array([[0.0, 300.0]]))
    np.testing.assert_array_equal(moved, block)


@pytest.mark.parametrize("seed", [1000, 1001])
def test_the_planner_covers_the_mark(seed: int) -> None:
    simulator = PushTSimulator(Views())
    steps = list(rollout(simulator, scripted_expert(simulator), seed=seed))
    assert steps[-1].step.is_success
    assert len(steps) < 200


def test_same_seed_gives_the_same_start_and_the_picture_shows_it_and_no_action() -> None:
    simulator = open_simulator("pusht", Views(cameras=("top",), width=64, height=64))
    first, again = simulator.reset(3), simulator.reset(3)
    np.testing.assert_array_equal(first[STATE], again[STATE])
    picture = first["observation.images.top"]
    assert picture.shape == (64, 64, 3)
    x, y = (first[STATE][:2] / 8).astype(int)
    assert picture[y, x, 2] > picture[y, x, 0] + 50  # the disc is blue
    # Where the disc is sent stands in no picture: gym-pusht's own `render` draws a red cross there.
    far = simulator.step(np.array([20.0, 20.0])).observation["observation.images.top"].astype(int)
    assert (far[..., 0] - far[..., 1:].max(axis=2)).max() < 30


def test_the_block_stands_where_the_state_says() -> None:
    simulator = open_simulator("pusht", Views(cameras=("top",), width=512, height=512))
    seen = simulator.reset(5)
    x, y, cos, sin = seen[STATE][2:]
    block = np.array([x, y, np.arctan2(sin, cos)])
    drawn = seen["observation.images.top"].astype(int)
    for box in physics.corners(block):
        across, down = np.round(box.mean(axis=0)).astype(int)
        # Slate gray, neither the white table nor the green mark.
        assert np.ptp(drawn[down, across]) < 60
        assert drawn[down, across].mean() < 180


def test_a_task_cannot_be_named() -> None:
    with pytest.raises(UsageError, match="one task alone, got 'easy'"):
        open_pusht("easy", Views())
