"""Depth by a network: hands where it sees them, in their own meters; untouched where it cannot."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_depth_networks
import tiny_networks
from video_files import write_video

from rotoscope.models.depth.by_hands import scale_by_hands
from rotoscope.models.depth.measured import UNDER_SKIN_M
from rotoscope.models.depth.network_stage import DepthNetwork, DepthNetworkConfig
from rotoscope.pipeline.errors import TrackError, UsageError
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.testing import a_hand_track
from rotoscope.pipeline.tracks import Camera, HandTrack
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe

K = np.array([[150.0, 0.0, 80.0], [0.0, 150.0, 60.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=160, height=120, source="recipe", sigma_focal_rel=0.01)
NUM = 48
NOISE = 0.05
"""1-sigma of a lifted hand's distance from frame to frame, as a share of it."""


def truth_m(num: int = NUM) -> np.ndarray:
    """A hand that comes nearer by a third."""
    flat = a_hand_track(num).joints_m
    assert flat is not None
    flat = flat[:, :1] + 1.9 * (flat - flat[:, :1])
    return np.asarray(flat - np.linspace(0, 0.15, num)[:, None, None] * [0, 0, 1.0])


def lifted(seed: int = 0) -> HandTrack:
    """What one camera makes of it: now nearer, now farther along the same rays."""
    factor = 1 + NOISE * np.random.default_rng(seed).standard_normal(NUM)
    joints_m = truth_m() + (factor - 1)[:, None, None] * truth_m()[:, :1]
    return a_hand_track(
        joints_m,
        landmarks_px=pinhole.project(truth_m(), K),
        sigma_position_m=np.full((NUM, 3), 0.04),
    )


class Sees:
    """A network whose depth is true up to what it does not know."""

    def __init__(self, change: Any) -> None:
        self.change, self.asked = change, 0

    def values(self, picture: np.ndarray) -> np.ndarray:
        joints = truth_m()[self.asked]
        self.asked += 1
        depth = np.full(picture.shape[:2], 3.0)
        scale = picture.shape[1] / CAMERA.width
        for (x, y), z in zip(scale * pinhole.project(joints, K), joints[:, 2], strict=True):
            depth[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = z - UNDER_SKIN_M
        return np.asarray(self.change(depth))


class ByTruth(DepthNetwork):
    def setup(self) -> None:
        self._output = self.config.output or "depth"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(NUM)]
    path = write_video(tmp_path_factory.mktemp("depth") / "clip.mp4", frames=frames)
    return Clip(probe(path), 0, np.arange(NUM) / 30)


def run(
    clip: Clip, change: Any, hand: HandTrack | None = None, output: Any = "depth"
) -> tuple[HandTrack, dict[str, Any]]:
    stage = ByTruth(DepthNetworkConfig(model=Path("none"), output=output))
    stage.setup()
    stage._estimator = Sees(change)
    out = stage.run(clip, {"hands.right": hand or lifted(), "camera": CAMERA})
    moved, quality = out["hands.right"], out["quality.depth.right"]
    assert isinstance(moved, HandTrack)
    return moved, quality.facts  # type: ignore[attr-defined]


def off_m(hand: HandTrack) -> np.ndarray:
    assert hand.joints_m is not None
    return np.asarray(np.abs(hand.joints_m[:, 0, 2] - truth_m()[:, 0, 2]))


def step_m(hand: HandTrack) -> float:
    """How much the error of the distance differs from frame to frame."""
    assert hand.joints_m is not None
    return float(np.abs(np.diff(hand.joints_m[:, 0, 2] - truth_m()[:, 0, 2])).mean())


@pytest.mark.parametrize(
    ("output", "change"),
    [
        ("depth", lambda depth: 0.4 * depth),
        ("inverse", lambda depth: 3 / depth + 0.7),
        ("inverse", lambda depth: 250 / depth - 40),
    ],
)
def test_hands_follow_the_network_and_keep_their_size(output: str, change: Any, clip: Clip) -> None:
    hand, facts = run(clip, change, output=output)
    assert facts["depth_frames"] == NUM
    # The factor itself is as good as the median of so many hands: what is left is shared by all.
    assert step_m(hand) < 0.1 * step_m(lifted())
    assert np.median(off_m(hand)) < 0.8 * np.median(off_m(lifted()))
    assert hand.joints_m is not None
    palm = np.linalg.norm(hand.joints_m[:, 9] - hand.joints_m[:, 0], axis=1)
    true = np.linalg.norm(truth_m()[:, 9] - truth_m()[:, 0], axis=1)
    np.testing.assert_allclose(palm, true, rtol=1e-6)
    sigma_m = hand.sigma_position_m
    assert sigma_m is not None
    assert (off_m(hand) <= 2 * sigma_m[:, 2]).mean() > 0.9
    assert sigma_m[:, 2].max() < 0.1


def test_sigma_is_no_better_than_the_hands_and_the_network_agree(clip: Clip) -> None:
    rng = np.random.default_rng(2)
    good, _ = run(clip, lambda depth: depth)
    bad, facts = run(clip, lambda depth: depth * (1 + 0.08 * rng.standard_normal()))
    assert good.sigma_position_m is not None
    assert bad.sigma_position_m is not None
    assert np.median(bad.sigma_position_m[:, 2]) > 1.1 * np.median(good.sigma_position_m[:, 2])
    assert facts["depth_spread"] > 0.05


def drawn(depth: np.ndarray) -> np.ndarray:
    return np.random.default_rng(int(1e6 * depth.min())).uniform(0.1, 3, depth.shape)


@pytest.mark.parametrize(
    ("output", "change", "why"),
    [
        ("inverse", lambda depth: 0 * depth + 1, "same depth everywhere"),
        ("inverse", lambda depth: depth, "is it depth, not inverse depth"),
        ("depth", lambda depth: depth * np.exp(9 * depth), "from frame to frame"),
        ("depth", lambda depth: np.nan * depth, "too few for a scale"),
        ("depth", lambda depth: -depth, "too few for a scale"),
    ],
)
def test_network_that_says_nothing_of_the_hands_moves_none(
    output: str, change: Any, why: str, clip: Clip
) -> None:
    hand, facts = run(clip, change, output=output)
    assert why in facts["depth_why"]
    assert facts["depth_frames"] == 0
    np.testing.assert_array_equal(hand.joints_m, lifted().joints_m)
    np.testing.assert_array_equal(hand.sigma_position_m, lifted().sigma_position_m)


def test_numbers_at_random_move_no_hand_far(clip: Clip) -> None:
    hand, facts = run(clip, drawn)
    assert facts["depth_frames"] == 0
    np.testing.assert_array_equal(hand.joints_m, lifted().joints_m)


def test_few_hands_make_no_scale(clip: Clip) -> None:
    few = lifted().replace(valid=np.arange(NUM) < 4)
    hand, facts = run(clip, lambda depth: depth, few)
    assert "in 4 frames: too few for a scale" in facts["depth_why"]
    np.testing.assert_array_equal(hand.joints_m, few.joints_m)


def test_frames_that_show_nothing_are_not_asked_about(tmp_path: Path) -> None:
    black = np.zeros((120, 160, 3), np.uint8)
    path = write_video(tmp_path / "black.mp4", frames=[black] * NUM)
    stage = ByTruth(DepthNetworkConfig(model=Path("none")))
    stage.setup()
    stage._estimator = sees = Sees(lambda depth: depth)
    clip = Clip(probe(path), 0, np.arange(NUM) / 30)
    out = stage.run(clip, {"hands.right": lifted(), "camera": CAMERA})
    assert sees.asked == 0
    assert out["quality.depth.right"].facts["depth_frames"] == 0  # type: ignore[attr-defined]


def test_one_frame_that_is_wrong_moves_the_scale_of_none(clip: Clip) -> None:
    calls = iter(range(NUM))

    def once_wrong(depth: np.ndarray) -> np.ndarray:
        return depth * (5.0 if next(calls) == 7 else 1.0)

    hand, _ = run(clip, once_wrong)
    good, _ = run(clip, lambda depth: depth)
    others = np.arange(NUM) != 7
    assert hand.joints_m is not None
    assert good.joints_m is not None
    np.testing.assert_allclose(hand.joints_m[others], good.joints_m[others], atol=0.01)
    assert np.abs(hand.joints_m[7] - lifted().joints_m[7]).max() < 1e-9  # type: ignore[index]


def test_hands_that_were_not_lifted_are_named(clip: Clip) -> None:
    with pytest.raises(TrackError, match=r"put the stage 'lift' before 'depth\.network'"):
        run(clip, lambda depth: depth, lifted().replace(joints_m=None))


def test_inverse_depth_is_fitted_through_landmarks_that_are_wrong() -> None:
    rng = np.random.default_rng(3)
    depth_m = rng.uniform(0.4, 0.8, (40, 1)) + 0.02 * rng.standard_normal((40, 21))
    values = (1 / depth_m - 0.3) / 0.05
    values[rng.random(values.shape) < 0.2] = 99.0
    values[:4] = 0.1
    scale = scale_by_hands(values, depth_m, "inverse")
    true_m = np.linspace(0.42, 0.78, 5)
    np.testing.assert_allclose(scale.meters((1 / true_m - 0.3) / 0.05), true_m, rtol=0.06)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("depth_networks")
    return {kind: make(place / kind) for kind, make in tiny_depth_networks.ESTIMATORS.items()}


@pytest.mark.parametrize("kind", tiny_depth_networks.ESTIMATORS)
def test_every_family_is_loaded_and_a_random_one_moves_no_hand(
    kind: str, folders: dict[str, Path], clip: Clip
) -> None:
    output = "inverse" if kind == "dpt" else None
    stage = DepthNetwork(DepthNetworkConfig(model=folders[kind], output=output, picture_px=80))
    stage.setup()
    seen = stage._estimator.values(np.full((60, 80, 3), 90, np.uint8))
    assert seen.shape == (60, 80)
    short = Clip(clip.video, 0, clip.time_s[:6])
    hand = lifted().slice(0, 6)
    out = stage.run(short, {"hands.right": hand, "camera": CAMERA})
    moved = out["hands.right"]
    assert isinstance(moved, HandTrack)
    assert moved.joints_m is not None
    assert np.abs(moved.joints_m - hand.joints_m).max() < 0.3
    assert stage.cache_token()


def test_what_a_folder_gives_is_read_from_it_or_asked_for(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    def output(folder: Path) -> str:
        stage = DepthNetwork(DepthNetworkConfig(model=folder))
        stage.setup()
        return stage._output

    assert output(folders["depth_anything"]) == "inverse"
    assert output(folders["zoedepth"]) == "depth"
    metric = tiny_depth_networks.depth_anything(
        tmp_path / "metric", depth_estimation_type="metric", max_depth=20
    )
    assert json.loads((metric / "config.json").read_text())["depth_estimation_type"] == "metric"
    assert output(metric) == "depth"
    with pytest.raises(UsageError, match=r"say depth\.network\.output=inverse \(MiDaS\) or depth"):
        output(folders["dpt"])


def test_folders_without_a_network_for_depth_are_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    def token(folder: Path) -> str:
        return DepthNetwork(DepthNetworkConfig(model=folder)).cache_token()

    with pytest.raises(UsageError, match=r"depth\.network\.model=.* is not there"):
        token(tmp_path / "none")
    owl = tiny_networks.owlvit(tmp_path / "owl")
    with pytest.raises(UsageError, match="type 'owlvit'; a network for depth is wanted"):
        token(owl)
    assert token(folders["glpn"]) != token(folders["zoedepth"])
