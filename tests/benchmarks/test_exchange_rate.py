import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("metaworld", reason="the extra `bench` is not installed")
pytest.importorskip("anny", reason="the extra `samples` is not installed")

from benchmarks import exchange_rate
from benchmarks._exchange_data import robot_episodes, video_episodes
from benchmarks._exchange_film import ActingHand, hand_of
from benchmarks._exchange_labels import GAIN, Labeled, closing, from_path, moves, write_robot
from benchmarks._exchange_people import CHOSEN_ON, PEOPLE, Acted, act
from benchmarks._exchange_touch import touching
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.pipeline.contract import ActionContract, GripperContract
from rotoscope.pipeline.episodes.effector_columns import ee_dimensions
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.export.recorder import Rows
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.pose import gripper_pose
from rotoscope.retarget.robots.arm import ArmRobot, load_arm


@pytest.fixture(scope="module")
def sawyer(tmp_path_factory: pytest.TempPathFactory) -> ArmRobot:
    return load_arm(str(write_robot(tmp_path_factory.mktemp("sawyer"))))


def test_the_robots_file_puts_its_tip_where_the_simulator_does(sawyer: ArmRobot) -> None:
    simulator = open_simulator(f"metaworld:{CHOSEN_ON}")
    simulator.reset(1)
    environment = simulator._environment  # type: ignore[attr-defined]
    for _ in range(40):
        simulator.step(simulator.expert())
    pose = sawyer.pose(environment.data.qpos[None, :7])
    tips = [environment.data.site(f"{side}EndEffector").xpos for side in ("right", "left")]
    # The fingers close 10 mm beside the middle of the hand; along it and across nothing is off.
    closing_m = (pose.R[0].T @ (np.mean(tips, axis=0) - pose.p_m[0]))[1]
    assert abs(closing_m) < 0.006
    away = np.mean(tips, axis=0) - pose.p_m[0] - closing_m * pose.R[0, :, 1]
    np.testing.assert_allclose(away, 0, atol=1e-6)
    simulator.close()


def test_moves_are_centimeters_a_step() -> None:
    contract = ActionContract(
        robot="sawyer",
        dimensions=ee_dimensions("ee"),
        gripper=GripperContract(max_opening_m=0.07),
        rate_hz=30,
        shift_s=0.1,
    )
    state = np.zeros((2, 7))
    values = state + np.array([0.012, -0.06, 0.3, 0, 0, 0, 0])
    # 0.1 s are three frames of two steps.
    expected = [[GAIN * 0.2, -1, 1]] * 2
    np.testing.assert_allclose(moves(state, values, contract), expected, atol=1e-9)


def test_fingers_close_as_tips_meet_and_stay_so_until_they_are_far_apart() -> None:
    aperture_m = np.array([np.nan, 0.1, 0.08, 0.07, 0.08, np.nan, 0.09, 0.08])
    assert closing(aperture_m).tolist() == [-1, -1, -1, 1, 1, 1, -1, -1]


def test_people_solve_their_task_slower_than_the_expert() -> None:
    one, again = (act(CHOSEN_ON, 3, np.random.default_rng(0)) for _ in range(2))
    assert one.is_solved
    np.testing.assert_array_equal(one.tip_m, again.tip_m)
    told = from_path(one, "a").action[:, :3]
    assert 0.1 < np.abs(told).mean() < 0.6


def test_masks_choose_among_the_same_rows() -> None:
    acted = _standing(6)
    labels = Labeled("v", np.arange(4), np.ones((4, 3)), np.zeros((4, 4)), np.ones(4),
                     np.array([1, 0, 0, 0], bool), np.array([1, 1, 0, 1], bool))  # fmt: skip
    video = exchange_rate.Video("v", "ada", acted, [labels])
    counted = {
        mask: video_episodes([video], CHOSEN_ON, mask)[0].valid.sum()
        for mask in ("pose", "position", "none")
    }
    assert counted == {"pose": 1, "position": 3, "none": 4}
    (rows,) = video_episodes([video], CHOSEN_ON, "none")
    assert rows.state is not None
    np.testing.assert_array_equal(rows.state[:, :3], labels.hand_m)
    np.testing.assert_array_equal(rows.state[:, 3:6], acted.state[:4, 4:7])


def test_where_things_begin_to_move_says_what_a_video_is_off_by() -> None:
    beside_m = np.array([0.0, 0.03, 0.05])
    acted = _pushing(rows=40, moved_from=20)
    true_m = acted.state[:, 4:7] + beside_m
    robot = _pushing(rows=80, moved_from=30)
    own = Rows("r", CHOSEN_ON, np.zeros((80, 4)), np.ones(80, bool), np.ones(80),
               np.column_stack([robot.state[:, 4:7] + beside_m, robot.state[:, 4:]]))  # fmt: skip
    away_m = np.array([0.02, -0.01, 0.1])
    early = _labeled(true_m[:15] + away_m, 0)
    whole = _labeled(true_m + away_m, 0)
    videos = [
        exchange_rate.Video("v", "ada", acted, [whole]),
        exchange_rate.Video("w", "ada", acted, [early]),  # as the person's other one
        exchange_rate.Video("x", "ben", acted, [_labeled(true_m[:15], 0)]),  # nothing is known
    ]
    found = video_episodes(videos, CHOSEN_ON, "contact", [own])
    assert [rows.name for rows in found] == ["ada-v-0", "ada-w-0"]
    for rows in found:
        assert rows.state is not None
        np.testing.assert_allclose(rows.state[:, :3], true_m[: len(rows.state)], atol=1e-9)


def test_robots_episodes_are_solved_ones_and_others_in_each_repeat() -> None:
    first, second = (robot_episodes(CHOSEN_ON, 1, repeat)[0] for repeat in (0, 1))
    assert first.valid.all()
    assert not np.array_equal(first.state[0], second.state[0])


def test_a_touching_hand_rests_at_its_marks() -> None:
    acted, is_held = touching()
    assert (np.diff(acted.tip_m, axis=0)[is_held[1:] & is_held[:-1]] == 0).all()
    assert np.abs(np.diff(acted.tip_m, axis=0)).max() < 0.04


def test_a_hand_holds_its_fingertips_where_and_as_far_apart_as_told() -> None:
    hand = _hand()
    tip_m = np.array([0.1, 0.6, 0.05])
    for aperture_m in (0.02, 0.06, 0.09):
        T, joints = hand.placed(tip_m, aperture_m)
        pose = gripper_pose(se3.apply(T, joints)[None], "right")[0]
        np.testing.assert_allclose(pose[:3, 3], tip_m, atol=1e-9)
        np.testing.assert_allclose(pose[:3, :3], hand.R_world_ee, atol=1e-9)
        assert np.linalg.norm(joints[4] - joints[8]) == pytest.approx(aperture_m, abs=3e-3)


@pytest.mark.slow
def test_a_small_grid_goes_from_people_to_policies_and_is_not_done_twice(tmp_path: Path) -> None:
    _hand()
    cells = tuple(
        exchange_rate.Cell(2, num, mask, follows=num > 0)
        for num, mask in ((0, "position"), (1, "position"), (1, "none"))
    )
    grid = exchange_rate.Grid(
        CHOSEN_ON, tmp_path / CHOSEN_ON, people=PEOPLE[:1], num_videos=1, cells=cells, once=(),
        repeats=1, starts=2, settings=("loop.num_steps=20",),
    )  # fmt: skip
    found = {figure.name: figure for figure in exchange_rate.figures(grid)}
    base = f"exchange_rate.{CHOSEN_ON}"
    assert {f"{base}.worth.2+1.none.followed", f"{base}.mask.2+1.position.followed"} <= set(found)
    videos = grid.videos()
    rows = sum(len(one.frame) for video in videos for one in video.labels)
    assert rows > 0.8 * sum(len(video.acted.state) for video in videos)
    for video in videos:
        for one in video.labels:
            away_m = np.linalg.norm(one.hand_m - video.acted.state[one.frame, :3], axis=1)
            assert np.median(away_m) < 0.04
    kept = tmp_path / CHOSEN_ON / "results" / "2+0-0.json"
    kept.write_text(json.dumps([True, True]))
    again = {figure.name: figure for figure in exchange_rate.figures(grid)}
    assert again[f"exchange_rate.{CHOSEN_ON}.success.2+0"].value == 1


def _standing(rows: int) -> Acted:
    state = np.arange(rows * 10, dtype=float).reshape(rows, 10)
    return Acted(state, np.zeros((rows, 3)), np.full(rows, 0.05), np.ones(rows, bool),
                 np.zeros((rows, 1)), True)  # fmt: skip


def _pushing(rows: int, moved_from: int) -> Acted:
    """A thing that goes a centimeter a row from a row on."""
    state = np.zeros((rows, 10))
    state[:, 4] = 0.01 * np.maximum(np.arange(rows) - moved_from, 0)
    return Acted(state, np.zeros((rows, 3)), np.full(rows, 0.05), np.ones(rows, bool),
                 np.zeros((rows, 1)), True)  # fmt: skip


def _labeled(hand_m: np.ndarray, first: int) -> Labeled:
    num = len(hand_m)
    believed = np.ones(num, bool)
    return Labeled("v", first + np.arange(num), hand_m, np.zeros((num, 4)), np.ones(num),
                   believed, believed)  # fmt: skip


def _hand() -> ActingHand:
    try:
        return hand_of(PEOPLE[0])
    except AssetError as error:
        pytest.skip(str(error))
