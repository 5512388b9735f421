"""Faces are hidden in every frame in which they may be, and nothing else is."""

import av
import numpy as np
import pytest

from rotoscope.models.faces.detector import boxes_of
from rotoscope.models.faces.stage import WEIGHTS, Anonymise, AnonymiseConfig
from rotoscope.models.faces.through_time import filled
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import FaceTrack
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.encode import EpisodeEncoder
from rotoscope.pipeline.video.mosaic import BLOCKS, hide

BOX = np.array([[40.0, 20, 60, 50]])


def covers(boxes, box):
    return any((b[:2] <= box[:2]).all() and (b[2:] >= box[2:]).all() for b in boxes)


def boxes_in(found, frame):
    return found[frame][np.isfinite(found[frame]).all(axis=1)]


def test_between_two_looks_everything_between_the_two_places_is_hidden():
    found = filled([(0, BOX), (5, BOX + 15)], 6, hold_frames=5)
    for frame in range(6):
        share = frame / 5
        assert covers(boxes_in(found, frame), BOX[0] + 15 * share)


def test_a_face_that_is_missed_for_a_while_stays_hidden():
    looks = [(0, BOX), (5, BOX[:0]), (10, BOX[:0]), (15, BOX + 5)]
    found = filled(looks, 20, hold_frames=20)
    assert all(covers(boxes_in(found, frame), BOX[0]) for frame in range(16))


def test_a_face_is_held_before_it_comes_and_after_it_has_gone():
    looks = [(0, BOX[:0]), (5, BOX[:0]), (10, BOX), (15, BOX[:0]), (20, BOX[:0])]
    found = filled(looks, 25, hold_frames=4)
    hidden = [frame for frame in range(25) if len(boxes_in(found, frame))]
    assert hidden == list(range(6, 15))


def test_two_faces_keep_two_boxes_and_no_face_gives_none():
    two = np.concatenate([BOX, BOX + 200])
    found = filled([(0, two)], 1, hold_frames=1)
    assert {tuple(box) for box in boxes_in(found, 0)} == {tuple(box) for box in two}
    assert filled([(0, BOX[:0])], 3, hold_frames=1).shape == (3, 0, 4)


def test_the_network_s_maps_become_boxes():
    heat = np.zeros((8, 10))
    heat[3, 6] = 0.9
    extent = np.full((2, 8, 10), np.log([5.0, 3.0])[:, None, None])
    offset = np.zeros((2, 8, 10))
    offset[:, 3, 6] = 0.25, -0.25
    boxes, scores = boxes_of(heat, extent, offset)
    # The middle of cell (6, 3) is (6.5, 3.5) cells of 4 px; 5 cells high and 3 wide.
    np.testing.assert_allclose(boxes, [[25 - 6, 15 - 10, 25 + 6, 15 + 10]])
    assert scores.tolist() == [0.9]


def test_what_is_hidden_keeps_nothing_but_the_means_of_a_few_blocks():
    plane = np.random.default_rng(0).integers(0, 255, (80, 100)).astype(np.uint8)
    before = plane.copy()
    hide(plane, BOX)
    inside = np.zeros(plane.shape, bool)
    inside[20:50, 40:60] = True
    assert len(np.unique(plane[inside])) <= BLOCKS**2
    assert plane[20:26, 40:44].mean() == pytest.approx(before[20:26, 40:44].mean(), abs=0.6)
    np.testing.assert_array_equal(plane[~inside], before[~inside])


@pytest.mark.parametrize("box", [[-50, -50, 20, 20], [90, 70, 500, 500], [200, 200, 300, 300]])
def test_boxes_beyond_the_picture_are_cut_off(box):
    plane = np.arange(8000, dtype=np.uint8).reshape(80, 100)
    before = plane.copy()
    hide(plane, np.array([box], float))
    assert (plane == before).all() == (box[0] > 100)


def test_a_written_picture_hides_the_box_and_a_bar_moves_it(tmp_path):
    # 200 x 100 px in 100 x 100: half the size, and bars of 25 px above and below.
    image = np.random.default_rng(1).integers(0, 255, (100, 200, 3)).astype(np.uint8)
    with EpisodeEncoder(tmp_path / "a.mp4", width=100, height=100, fps=10, crf=0) as encoder:
        encoder.add(image, hidden=np.array([[100.0, 20, 180, 80]]))
    with av.open(str(tmp_path / "a.mp4")) as container:
        written = next(container.decode(video=0)).to_ndarray(format="gray")
    inside = written[36:64, 52:88].astype(float)
    outside = written[36:64, 2:48].astype(float)
    assert np.abs(np.diff(inside, axis=1)).mean() < 0.3 * np.abs(np.diff(outside, axis=1)).mean()


def test_a_stage_is_added_by_a_plus_and_set_as_others_are():
    recipe = load_recipe("hand-gripper", ["+anonymise", "anonymise.margin=1"])
    assert recipe.stages[0].name == "anonymise"
    assert recipe.stages[0].config.margin == 1
    assert recipe.digest() != load_recipe("hand-gripper").digest()


class Seeing:
    def __init__(self):
        self.times = []

    def __call__(self, rgb):
        self.times.append(int(rgb[0, 0, 0]))
        return BOX


def test_slow_video_is_searched_in_every_frame_and_fast_video_now_and_then():
    for rate_hz, expected in ((5, list(range(12))), (60, [0, 9])):
        stage = Anonymise(AnonymiseConfig(margin=0))
        stage._detect = seeing = Seeing()
        stage.begin(a_video(12))
        for number in range(12):
            image = np.full((2, 2, 3), number, np.uint8)
            stage.observe(Frame(number, number / rate_hz, lambda image=image: image))
        track = stage.finish(np.arange(12) / rate_hz)["faces"]
        assert seeing.times == expected
        assert isinstance(track, FaceTrack)
        assert all(len(track.in_frame(n)) for n in range(12))


def test_times_that_do_not_fit_are_refused():
    stage = Anonymise(AnonymiseConfig())
    stage.begin(a_video(12))
    with pytest.raises(TrackError, match="0 frames were observed but 3 times"):
        stage.finish(np.arange(3.0))


def test_a_face_of_a_real_clip_is_found(shared_data):
    from rotoscope.pipeline.assets import asset_path
    from rotoscope.pipeline.errors import AssetError
    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    try:
        asset_path(WEIGHTS)
    except AssetError as error:
        pytest.skip(str(error))
    path = shared_data / "tfjs_pose_regression" / "pose_squats.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    stage = Anonymise(AnonymiseConfig())
    stage.setup()
    video = probe(path)
    stage.begin(video)
    times = []
    for frame in read_frames(video, end=3):
        stage.observe(frame)
        times.append(frame.time_s)
    boxes = stage.finish(np.array(times))["faces"].in_frame(0)
    assert covers(boxes, np.array([325, 205, 360, 255]))  # seen in the picture
