import warnings

import numpy as np
import pytest

from rotoscope.pipeline.stages.shots import Shots, ShotsConfig, shot_spans
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.breaks import breaks
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

VIDEO = a_video(rate_hz=10, width=64, height=48)


def scene(seed, count, *, pan=0.0, noise=1.0):
    """Luma images of one scene: smooth random shapes, moved by `pan` pixels a frame."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(30, 220, (6, 40))
    wide = np.kron(coarse, np.ones((4, 12)))
    columns = np.arange(32)
    images = []
    for k in range(count):
        shift = (columns + pan * k) % (wide.shape[1] - 1)
        left = shift.astype(int)
        share = shift - left
        image = wide[:, left] * (1 - share) + wide[:, left + 1] * share
        images.append(np.clip(image + rng.normal(0, noise, image.shape), 0, 255))
    return np.array(images)


def track_of(images, **settings):
    stage = Shots(ShotsConfig(**settings))
    stage.begin(VIDEO)
    for k, image in enumerate(np.asarray(images).astype(np.uint8)):
        stage.observe(Frame(k, k / 30, lambda: None, to_gray=lambda width, image=image: image))
    return stage.finish(np.arange(len(images)) / 30)["shots"]


def cuts(images, **settings):
    return np.flatnonzero(track_of(images, **settings).cut).tolist()


def test_cut_is_at_the_first_frame_of_the_new_shot():
    shots = [scene(k, 20) for k in range(4)]
    assert cuts(np.concatenate(shots)) == [20, 40, 60]


def test_one_scene_has_no_cut():
    assert cuts(scene(0, 90, noise=3.0)) == []


def test_cut_between_moving_shots_is_found():
    shots = [scene(k, 20, pan=0.7 * (-1) ** k) for k in range(3)]
    assert cuts(np.concatenate(shots)) == [20, 40]


@pytest.mark.parametrize("pan", [0.3, 1.0, 3.0])
def test_pan_is_no_cut(pan):
    assert cuts(scene(0, 90, pan=pan)) == []


def test_sudden_start_of_a_pan_is_no_cut():
    still = scene(0, 30, noise=0.5)
    moving = scene(0, 30, pan=2.0, noise=0.5)
    assert cuts(np.concatenate([still, moving])) == []


@pytest.mark.parametrize("length", [1, 2])
def test_flash_is_no_cut(length):
    images = scene(0, 60)
    images[30 : 30 + length] = 0.2 * images[30 : 30 + length] + 200
    assert cuts(images) == []


def test_blank_frames_in_between_are_no_cut():
    images = scene(0, 60)
    images[30:32] = 0
    assert cuts(images) == []


def test_light_switched_on_is_no_cut():
    images = scene(0, 60, noise=0.5)
    images[30:] = 0.5 * images[30:] + 100
    assert cuts(images) == []


def test_fade_to_black_and_back_is_no_hard_cut():
    images = scene(0, 90)
    gain = np.interp(np.arange(90), [20, 40, 50, 70], [1, 0, 0, 1])
    assert cuts(images * gain[:, None, None]) == []


def test_something_that_sweeps_across_is_no_cut():
    images = scene(0, 60)
    for k in range(8):
        images[30 + k, :, 4 * k : 4 * k + 14] = 90
    assert cuts(images) == []


@pytest.mark.parametrize("repeats", [2, 3, 6])
def test_repeated_frames_neither_make_nor_hide_cuts(repeats):
    shots = np.concatenate([scene(0, 20, pan=2.0), scene(1, 20, pan=2.0)])
    assert cuts(np.repeat(shots, repeats, axis=0)) == [20 * repeats]


def test_change_is_zero_at_the_start_and_large_at_a_cut():
    track = track_of(np.concatenate([scene(0, 10), scene(1, 10)]))
    assert track.change[0] == 0
    assert track.change.argmax() == 10
    assert track.change[10] > 5 * np.delete(track.change, 10).max()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_videos_are_one_shot(count):
    assert cuts(scene(0, count)) == []


def test_stage_forgets_the_video_before():
    stage = Shots(ShotsConfig())
    for seed in (0, 1):
        stage.begin(VIDEO)
        for image in scene(seed, 12).astype(np.uint8):
            stage.observe(Frame(0, 0.0, lambda: None, to_gray=lambda width, image=image: image))
        assert not stage.finish(np.arange(12) / 30)["shots"].cut.any()


def spans(cut_at, num_frames, *, min_shot_s=0.0, rate_hz=10.0):
    cut = np.zeros(num_frames, bool)
    cut[cut_at] = True
    return shot_spans(cut, np.arange(num_frames) / rate_hz, min_shot_s=min_shot_s)


def test_spans_tile_the_video():
    assert spans([], 30) == [(0, 30)]
    assert spans([10, 25], 30) == [(0, 10), (10, 25), (25, 30)]


def test_short_shots_are_left_out():
    assert spans([10, 14], 30, min_shot_s=1.0) == [(0, 10), (14, 30)]
    assert spans([10], 30, min_shot_s=2.5) == []


def test_shot_of_exactly_the_shortest_length_stays():
    assert spans([12], 40, min_shot_s=0.4, rate_hz=30.0) == [(0, 12), (12, 40)]


def test_pause_does_not_make_a_shot_longer():
    time_s = np.concatenate([np.arange(5) / 10, 60 + np.arange(30) / 10])
    assert shot_spans(breaks(time_s, max_gap_s=1.0), time_s, min_shot_s=1.0) == [(5, 35)]


@pytest.mark.realdata
def test_real_clips_joined_have_exactly_their_joints_as_cuts(shared_data):
    names = (
        "sam2_gallery/02_cups.mp4",
        "sam2_gallery/bedroom.mp4",
        "dex_retargeting/human_hand_video.mp4",
        "sam2_gallery/03_blocks.mp4",
    )
    stage = Shots(ShotsConfig())
    stage.begin(VIDEO)
    joints, times = [], []
    for name in names:
        for frame in read_frames(probe(shared_data / name), end=60):
            stage.observe(frame)
            times.append(len(times) / 30)
        joints.append(len(times))
    cut = stage.finish(np.array(times))["shots"].cut
    assert np.flatnonzero(cut).tolist() == joints[:-1]


def test_long_shot_is_divided_into_equal_parts():
    time_s = np.arange(1000) / 10.0
    spans = shot_spans(np.arange(1000) == 100, time_s, min_shot_s=1.0, max_shot_s=40.0)
    assert spans == [(0, 100), (100, 400), (400, 700), (700, 1000)]


def test_shot_of_exactly_the_longest_length_stays_whole():
    assert shot_spans(np.zeros(400, bool), np.arange(400) / 10.0, min_shot_s=1, max_shot_s=40) == [
        (0, 400)
    ]


def frozen_at(*spans, num=150, noise=1.0):
    images = scene(3, num, pan=0.2, noise=noise).astype(np.uint8)
    for start, end in spans:
        images[start:end] = images[start]
    return images


def test_a_picture_that_stands_while_the_clock_goes_on_is_said():
    with pytest.warns(UserWarning, match=r"frozen: frames 50 to 110 \(1\.67 to 3\.63 s\)"):
        track_of(frozen_at((50, 110)))
    with pytest.warns(UserWarning, match=r"frames 0 to 40 .* and 1 more times"):
        track_of(frozen_at((0, 40), (100, 145)))


@pytest.mark.parametrize(
    "images",
    [
        frozen_at(),
        frozen_at((50, 75)),  # shorter than a second
        np.repeat(scene(3, 30), 5, axis=0).astype(np.uint8),  # 6 pictures a second stored at 30
        np.tile(scene(3, 1), (90, 1, 1)).astype(np.uint8),  # one still picture as a video
    ],
    ids=["moving", "short", "slow", "still"],
)
def test_pictures_that_go_on_or_never_moved_are_not_called_frozen(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track_of(images)
