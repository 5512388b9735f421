import itertools
from dataclasses import fields

import numpy as np
import pytest

from benchmarks.body_landmarks import TOLERANCE_M, TOLERANCE_PX, read_reference
from rotoscope.models.bodies.stage import Body, BodyConfig
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError, TrackError
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

NUM = 16
BLACK = np.zeros((1280, 720, 3), np.uint8)
LEGS = [i for i, n in enumerate(BODY_JOINTS) if n.endswith(("_knee", "_ankle", "_heel", "_toe"))]


@pytest.fixture(scope="module")
def stage():
    try:
        asset_path("pose_landmarker.task")
    except AssetError as error:
        pytest.skip(str(error))
    stage = Body(BodyConfig())
    stage.setup()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def video(shared_data):
    return probe(shared_data / "tfjs_pose_regression" / "pose_squats.mp4")


@pytest.fixture(scope="module")
def pictures(video):
    return [frame.rgb for frame in itertools.islice(read_frames(video), NUM)]


@pytest.fixture(scope="module")
def squats(stage, video, pictures):
    return label(stage, video, pictures)


def label(stage, video, pictures):
    stage.begin(video)
    time_s = np.arange(len(pictures)) / 5.0
    for index, picture in enumerate(pictures):
        stage.observe(Frame(index, float(time_s[index]), lambda picture=picture: picture))
    return stage.finish(time_s)["body.person0"]


@pytest.mark.realdata
def test_landmarks_are_those_of_googles_own_test(squats, shared_data):
    seen, world = read_reference(shared_data / "tfjs_pose_regression")
    assert squats.valid.all()
    within_px = np.abs(squats.landmarks_px - seen[:NUM]).max(axis=(1, 2)) <= TOLERANCE_PX
    within_m = np.abs(squats.landmarks_m - world[:NUM]).max(axis=(1, 2)) <= TOLERANCE_M
    assert within_px.mean() >= 0.93
    assert within_m.all()
    assert (squats.score > 0.9).all()
    assert (squats.visibility > 0.5).all()


@pytest.mark.realdata
def test_a_person_who_leaves_the_picture_is_missing_not_made_up(stage, video, pictures):
    film = [*pictures[:6], *[BLACK] * 4, *pictures[6:10]]
    track = label(stage, video, film)
    assert track.valid[:6].all()
    assert not track.valid[6:10].any()
    for name in ("landmarks_px", "landmarks_m", "visibility", "score"):
        assert np.isnan(getattr(track, name)[6:10]).all(), name


@pytest.mark.realdata
def test_legs_below_the_picture_are_not_visible(stage, video, pictures):
    cut = [_cut_below(picture, 800) for picture in pictures[:6]]
    track = label(stage, video, cut)
    assert track.valid.all()
    assert (track.visibility[:, [BODY_JOINTS.index("neck"), 0]] > 0.5).all()
    assert (track.visibility[:, LEGS[1:4]] < 0.3).all()


@pytest.mark.realdata
def test_a_body_cut_at_the_waist_is_not_valid(stage, video, pictures):
    cut = [_cut_below(picture, 560) for picture in pictures[:6]]
    track = label(stage, video, cut)
    assert not track.valid.any()
    assert np.isnan(track.landmarks_px).all()


def _cut_below(picture, row):
    """The upper part of a picture, moved down so that the person is cut by its lower edge."""
    out = np.zeros_like(picture)
    out[-row:] = picture[:row]
    return out


@pytest.mark.realdata
def test_the_same_video_gives_the_same_bits_again(stage, video, pictures, squats):
    label(stage, video, [BLACK, *pictures[9:12]])
    again = label(stage, video, pictures)
    for field in fields(squats):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(squats, field.name))


@pytest.mark.realdata
def test_a_wanted_number_of_tracks_is_always_there(video, pictures):
    stage = Body(BodyConfig(num_people=2))
    stage.setup()
    stage.begin(video)
    for index, picture in enumerate(pictures[:3]):
        stage.observe(Frame(index, index / 5.0, lambda picture=picture: picture))
    tracks = stage.finish(np.arange(3) / 5.0)
    stage.close()
    assert sorted(tracks) == ["body.person0", "body.person1"]
    assert tracks["body.person0"].valid.all()
    assert not tracks["body.person1"].valid.any()
    assert np.isnan(tracks["body.person1"].landmarks_px).all()


@pytest.mark.realdata
def test_times_that_do_not_match_the_frames_are_refused(stage, video):
    stage.begin(video)
    with pytest.raises(TrackError, match="0 frames were observed but 3 times given"):
        stage.finish(np.arange(3) / 5.0)
