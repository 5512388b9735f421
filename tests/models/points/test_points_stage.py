"""The stage `points` and its twin that asks a network."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rotoscope.models.points.network_stage import PointsNetwork
from rotoscope.models.points.stage import Points
from rotoscope.pipeline.errors import TrackError, UsageError
from rotoscope.pipeline.stage import FrameStage, Tracks
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import PointTrack, QualityTrack
from rotoscope.pipeline.types import Frame

WIDTH, HEIGHT = 320, 240


def texture(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(30, 220, (HEIGHT // 8, WIDTH // 8, 3))
    image = cv2.resize(coarse.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


def shown(stage: FrameStage, images: list[np.ndarray]) -> Tracks:
    height, width = images[0].shape[:2]
    stage.setup()
    stage.begin(a_video(len(images), width=width, height=height))
    for k, image in enumerate(images):
        stage.observe(Frame(k, k / 30, lambda image=image: image))
    return stage.finish(np.arange(len(images)) / 30)


def points_of(made: Tracks) -> PointTrack:
    track = made["points"]
    assert isinstance(track, PointTrack)
    return track


def facts_of(made: Tracks) -> dict[str, str | float]:
    track = made["quality.points"]
    assert isinstance(track, QualityTrack)
    return dict(track.facts)


def test_points_of_a_large_picture_come_in_its_own_pixels() -> None:
    large = cv2.resize(texture(), (1280, 960), interpolation=cv2.INTER_CUBIC)
    track = points_of(shown(Points(Points.Config()), [np.roll(large, 4 * k, 1) for k in range(10)]))
    both = track.visible[2] & track.visible[-1] & (track.ids[2] == track.ids[-1])
    assert both.sum() > 80
    moved = track.points_px[-1, both] - track.points_px[2, both]
    assert np.abs(np.median(moved, axis=0) - [28, 0]).max() < 0.3
    assert np.median(track.sigma_px[-1, both]) >= 0.6


def test_places_of_a_still_picture_are_corners_of_it_half_a_pixel_in() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for y in range(40, 220, 40):
        for x in range(40, 300, 40):
            image[y : y + 12, x : x + 12] = 220
    track = points_of(shown(Points(Points.Config()), [image] * 3))
    found = track.points_px[-1][track.visible[-1]]
    corners = np.array([[x, y] for x in range(40, 300, 40) for y in range(40, 220, 40)])
    all_corners = np.concatenate([corners + d for d in ([0, 0], [12, 0], [0, 12], [12, 12])])
    nearest = np.linalg.norm(found[:, None] - all_corners[None], axis=2).min(axis=1)
    assert len(found) > 40
    assert np.median(nearest) < 2.5


@pytest.mark.parametrize("level", [0, 120])
def test_plain_or_black_pictures_give_no_point_and_say_why(level: int) -> None:
    rng = np.random.default_rng(0)
    plain = [
        np.clip(level + rng.normal(0, 1.5, (HEIGHT, WIDTH, 1)), 0, 255)
        .astype(np.uint8)
        .repeat(3, 2)
        for _ in range(10)
    ]
    made = shown(Points(Points.Config()), plain)
    assert points_of(made).visible[1:].sum(axis=1).max() < 8
    assert "without texture" in str(facts_of(made)["points_why"])


def test_a_cut_starts_new_points_and_no_id_crosses_it() -> None:
    track = points_of(shown(Points(Points.Config()), [texture(0)] * 12 + [texture(1)] * 12))
    before, after = set(track.ids[11].tolist()) - {-1}, set(track.ids[-1].tolist()) - {-1}
    assert len(before) > 50
    assert len(after) > 50
    assert not before & after


def test_a_wrong_number_of_times_is_refused() -> None:
    stage = Points(Points.Config())
    stage.setup()
    stage.begin(a_video(2, width=WIDTH, height=HEIGHT))
    stage.observe(Frame(0, 0.0, lambda: texture()))
    with pytest.raises(TrackError, match="1 frames were observed but 2 times given"):
        stage.finish(np.arange(2) / 30)


class Follows(torch.nn.Module):
    """What CoTracker takes and gives: everything moves by 2 px a frame to the right."""

    def forward(
        self, video: torch.Tensor, queries: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(video.shape[1]).float()
        shift = torch.stack([2.0 * steps, torch.zeros_like(steps)], dim=1)
        tracks = queries[:, None, :, 1:] + shift[None, :, None]
        return tracks, (tracks[..., 0] < video.shape[4]).float()


class FollowsAsTapir(torch.nn.Module):
    """The same as TAPIR says it."""

    def forward(
        self, video: torch.Tensor, queries: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        steps = torch.arange(video.shape[1]).float()
        shift = torch.stack([2.0 * steps, torch.zeros_like(steps)], dim=1)
        tracks = queries[:, :, None, 1:].flip(3) + shift[None, None]
        hidden = torch.where(tracks[..., 0] < video.shape[3], -6.0, 6.0)
        return tracks, hidden, torch.full_like(hidden, -6.0)


class SaysNothing(torch.nn.Module):
    """Another kind of model."""

    def forward(self, video: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        return video.mean(dim=1)


def scripted(module: torch.nn.Module, folder: Path) -> Path:
    torch.jit.script(module).save(str(folder / "tracker.pt"))
    return folder / "tracker.pt"


def network(path: Path, **config: object) -> PointsNetwork:
    size = {"width_px": WIDTH, "height_px": HEIGHT, "window_frames": 6}
    return PointsNetwork(PointsNetwork.Config(model=path, **size | config))


@pytest.mark.parametrize(
    ("module", "convention"), [(Follows(), "cotracker"), (FollowsAsTapir(), "tapir")]
)
def test_network_gives_what_the_stage_points_gives(
    module: torch.nn.Module, convention: str, tmp_path: Path
) -> None:
    stage = network(scripted(module, tmp_path), convention=convention)
    track = points_of(shown(stage, [texture()] * 14))
    assert track.points_px.shape[0] == 14
    both = track.ids[0] == track.ids[13]
    both &= track.visible[13]
    assert both.sum() > 50
    moved = track.points_px[13, both] - track.points_px[0, both]
    np.testing.assert_allclose(moved, np.tile([26.0, 0.0], (both.sum(), 1)), atol=1e-3)
    gone = (track.points_px[..., 0] > WIDTH + 1) & (track.ids >= 0)
    assert not track.visible[gone].any()


def test_one_frame_after_a_full_window_is_not_lost(tmp_path: Path) -> None:
    track = points_of(shown(network(scripted(Follows(), tmp_path)), [texture()] * 6))
    assert track.points_px.shape[0] == 6


def test_model_of_another_kind_is_refused_with_its_shapes(tmp_path: Path) -> None:
    stage = network(scripted(SaysNothing(), tmp_path))
    with pytest.raises(UsageError, match="another kind of model"):
        shown(stage, [texture()] * 6)


def test_file_that_is_no_torchscript_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"not a model")
    with pytest.raises(UsageError, match="no TorchScript"):
        network(tmp_path / "weights.pt").setup()


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        network(tmp_path / "none.pt").cache_token()
