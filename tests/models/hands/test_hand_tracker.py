import dataclasses

import numpy as np
import pytest
from hand_shapes import right_hand_m

from rotoscope.models.hands.landmarker import Detection
from rotoscope.models.hands.look import Look
from rotoscope.models.hands.tracker import HandTracker
from rotoscope.models.hands.wrists import WristLook
from rotoscope.pipeline.types import Frame

RATE_HZ = 30.0
WIDTH, HEIGHT = 160, 120
HALF = 10


class SquareFinder:
    """Finds and follows bright squares as MediaPipe finds and follows hands, and counts its work.

    It follows a square that still overlaps the place where it was; where it has none, or has just
    lost it, it looks for the most visible one in the whole image.
    """

    def __init__(self):
        self.at = None
        self.num_follows = self.num_looks = 0

    def __call__(self, rgb):
        if self.at is None:
            self.num_looks += 1
            self.at = self._find(rgb, rgb.shape[1] / 2, rgb.shape[0] / 2, reach=1000)
        else:
            self.num_follows += 1
            self.at = self._find(rgb, *self.at, reach=HALF)
        return None if self.at is None else hand_at(*self.at)

    def _find(self, rgb, x, y, *, reach):
        best = None
        for value in np.unique(rgb[..., 0][rgb[..., 0] >= 200]):
            rows, columns = np.nonzero(rgb[..., 0] == value)
            cx, cy = columns.mean() + 0.5, rows.mean() + 0.5
            is_near = abs(cx - x) <= reach and abs(cy - y) <= reach
            if is_near and (best is None or len(rows) > best[0]) and len(rows) > HALF**2:
                best = (len(rows), (cx, cy))
        return None if best is None else best[1]

    def forget(self):
        self.at = None

    def close(self):
        pass


def hand_at(x, y):
    hand = right_hand_m()
    flat = (hand[:, :2] - hand[:, :2].min(axis=0)) / np.ptp(hand[:, :2], axis=0)
    return Detection((flat - 0.5) * 2 * HALF + (x, y), hand, 0.9)


class Film:
    """Frames with squares at given places; knows whose colors were asked for."""

    def __init__(self, *paths):
        self.paths, self.num_converted = paths, {}

    def frames(self):
        for index in range(len(self.paths[0])):
            yield Frame(index, index / RATE_HZ, lambda index=index: self._image(index))

    def _image(self, index):
        self.num_converted[index] = self.num_converted.get(index, 0) + 1
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for number, path in enumerate(self.paths):
            if path[index] is not None:
                x, y = path[index]
                image[y - HALF : y + HALF, x - HALF : x + HALF] = 200 + number
        return image


def watch(film, *, num_hands=2, **options):
    finders = [SquareFinder() for _ in range(num_hands)]
    settings = {
        "search_interval_s": 0.4,
        "next_hand_interval_s": 0.8,
        "max_buffered_frames": 12,
        **options,
    }
    tracker = HandTracker(finders, **settings)
    for frame in film.frames():
        tracker.observe(frame)
    return tracker.detections, finders


def columns(detections):
    return [sorted(round(float(hand.center_px[0])) for hand in hands) for hands in detections]


def still(at, *, start=0, end=120, length=120):
    return [at if start <= i < end else None for i in range(length)]


def test_one_hand_costs_one_network_a_frame_and_few_looks_for_a_second():
    detections, finders = watch(Film(still((40, 60))))
    assert [len(hands) for hands in detections] == [1] * 120
    assert sum(f.num_follows for f in finders) == 120  # the first frame twice
    assert sum(f.num_looks for f in finders) < 20


def test_frames_without_a_hand_are_mostly_not_even_converted():
    film = Film(still((40, 60), end=0))
    detections, _ = watch(film)
    assert detections == [[]] * 120
    assert len(film.num_converted) < 25


@pytest.mark.parametrize("start", [37, 45, 50, 61])
def test_a_hand_that_appears_between_two_looks_is_found_in_all_of_its_frames(start):
    detections, _ = watch(Film(still((40, 60), start=start)))
    assert [len(hands) for hands in detections] == [0] * start + [1] * (120 - start)


def test_a_hand_that_left_again_between_two_looks_is_all_that_can_be_missed():
    detections, _ = watch(Film(still((40, 60), start=60, end=75)))
    assert [len(hands) for hands in detections] == [0] * 60 + [1] * 15 + [0] * 45


def test_two_hands_are_found_once_each():
    detections, _ = watch(Film(still((40, 60)), still((110, 60))))
    middles = columns(detections)
    assert middles == [middles[0]] * 120
    assert len(set(middles[0])) == 2


def test_a_second_hand_is_followed_back_as_far_as_frames_are_kept():
    detections, _ = watch(Film(still((40, 60)), still((110, 60), start=50)))
    first = next(i for i, hands in enumerate(detections) if len(hands) == 2)
    assert 50 <= first < 50 + 24 - 12
    assert [len(hands) for hands in detections[first:]] == [2] * (120 - first)


def test_a_second_hand_loses_no_frame_where_frames_are_kept_between_all_looks():
    film = Film(still((40, 60)), still((110, 60), start=50))
    detections, _ = watch(film, max_buffered_frames=24)
    assert [len(hands) for hands in detections] == [1] * 50 + [2] * 70


def test_a_moving_hand_is_followed_back_along_its_way():
    path = [(20 + i, 60) if i >= 40 else None for i in range(120)]
    detections, _ = watch(Film(path))
    middles = columns(detections)
    assert all(not hands for hands in middles[:40])
    steps = np.diff([hands[0] for hands in middles[40:]])
    assert (steps == 1).all()


@pytest.mark.parametrize("num_hands", [1, 2])
def test_a_hand_lost_to_a_jump_is_found_again_in_the_same_frame(num_hands):
    path = [(40, 60) if i < 61 else (120, 60) for i in range(120)]
    detections, _ = watch(Film(path), num_hands=num_hands)
    assert [len(hands) for hands in detections] == [1] * 120
    before, after = (hands[0] for hands in columns(detections)[60:62])
    assert after - before == 80


def test_a_hand_behind_another_is_not_reported_twice_and_both_are_found_again():
    going = [(max(80, 140 - i) if i < 80 else min(140, 80 + i - 80), 60) for i in range(140)]
    behind = [(80, 60)] * 140
    detections, _ = watch(Film(behind, going))
    for hands in detections:
        assert len(hands) < 2 or hands[0].distance(hands[1]) >= 0.3
    assert len(detections[0]) == len(detections[-1]) == 2
    assert all(detections)


def test_one_landmarker_follows_one_hand_and_never_looks_for_another():
    detections, finders = watch(Film(still((40, 60)), still((110, 60))), num_hands=1)
    assert [len(hands) for hands in detections] == [1] * 120
    assert finders[0].num_looks == 1


def test_with_no_frames_kept_every_frame_is_looked_at_until_a_hand_is_found():
    film = Film(still((40, 60), start=50))
    detections, _ = watch(film, max_buffered_frames=0)
    assert [len(hands) for hands in detections] == [0] * 50 + [1] * 70
    assert len(film.num_converted) == 120


def test_pictures_of_the_caller_are_not_painted_over():
    film = Film(still((40, 60)), still((110, 60)))
    images = []
    finders = [SquareFinder(), SquareFinder()]
    tracker = HandTracker(
        finders, search_interval_s=0.4, next_hand_interval_s=0.8, max_buffered_frames=12
    )
    for frame in film.frames():
        tracker.observe(frame)
        images.append(frame.rgb)
    assert all((image == images[0]).all() for image in images)


def test_frames_too_far_apart_are_not_followed_back():
    finder = SquareFinder()
    tracker = HandTracker(
        [finder], search_interval_s=1.0, next_hand_interval_s=1.0, max_buffered_frames=12
    )
    film = Film([None] * 12 + [(40, 60)] * 20)
    for frame in film.frames():
        tracker.observe(Frame(frame.index, frame.index / 5.0, frame.to_rgb))
    found = [len(hands) for hands in tracker.detections]
    first = found.index(1)
    assert first > 12
    assert found == [0] * first + [1] * (32 - first)


class Turncoat(SquareFinder):
    """Sees a right hand; from frame 60 on, as the film shows by its background, as a left one.

    Unless the picture is mirrored: a mirrored right hand is a left one, and is seen as that.
    """

    def __init__(self, *, is_mended=True):
        super().__init__()
        self.is_mended = is_mended

    def __call__(self, rgb):
        hand = super().__call__(rgb)
        if hand is None:
            return None
        is_mirrored = rgb[..., 2].max() > 0 and _column_of(rgb, 2) < hand.center_px[0] - 5
        is_wrong = rgb[..., 1].max() == 100 and not (is_mirrored and self.is_mended)
        right = 0.02 if is_wrong != is_mirrored else 0.98
        return dataclasses.replace(hand, right_probability=right)


def _column_of(rgb, color):
    return float(np.nonzero(rgb[..., color])[1].mean())


class Turning(Film):
    """A right hand with a blue mark to its right; it is easily taken for a left one after 60."""

    def _image(self, index):
        image = super()._image(index)
        x, y = self.paths[0][index]
        image[..., 1:][image[..., 0] > 0] = 0
        image[y - 2 : y + 2, x + HALF + 2 : x + HALF + 4, 2] = 50
        if index >= 60:
            image[y - 2 : y + 2, x - 2 : x + 2, 1] = 100
        return image


def turned(**options):
    finders = [Turncoat(**options) for _ in range(2)]
    tracker = HandTracker(
        finders[:1], search_interval_s=0.0, next_hand_interval_s=0.4, max_buffered_frames=12,
        spare=finders[1],
    )  # fmt: skip
    for frame in Turning([(60 + i // 4, 60) for i in range(120)]).frames():
        tracker.observe(frame)
    return tracker.detections, finders


def test_a_hand_seen_as_the_other_one_is_seen_as_itself_in_another_look_and_followed_there():
    detections, finders = turned()
    assert all(hands[0].right_probability > 0.9 for hands in detections)
    middles = [hands[0] for hands in columns(detections)]
    # The fake hand has its middle beside its box's, on the other side in a mirror.
    np.testing.assert_allclose(np.array(middles) - middles[0], np.arange(120) // 4, atol=4)
    assert sum(f.num_looks for f in finders) < 5


def test_second_looks_in_vain_leave_the_hand_as_it_was_seen_and_come_to_an_end():
    detections, finders = turned(is_mended=False)
    wrong = [hands[0].right_probability < 0.1 for hands in detections]
    assert wrong == [False] * 60 + [True] * 60
    assert finders[0].num_looks + finders[1].num_looks <= 80  # 30 and 0.35 a frame


class Blind(SquareFinder):
    """Finds squares only in pictures that are not much larger than they are."""

    def _find(self, rgb, x, y, *, reach):
        return None if rgb.shape[1] > 6 * HALF else super()._find(rgb, x, y, reach=reach)


def test_hands_too_small_to_be_found_are_found_at_the_wrists_and_followed_there():
    path = [(50 + i // 2, 60) for i in range(90)]

    def at_wrists(frame):
        x, y = path[frame.index]
        look = Look.around(np.array([x, y], float), 5 * HALF)
        return [WristLook(look, np.array([x, y + HALF], float))]

    tracker = HandTracker(
        [Blind(), Blind()], search_interval_s=0.0, next_hand_interval_s=0.4,
        max_buffered_frames=12, spare=Blind(), wrists=at_wrists,
    )  # fmt: skip
    for frame in Film(path).frames():
        tracker.observe(frame)
    middles = columns(tracker.detections)
    assert [x - middles[0][0] for [x] in middles] == [x - path[0][0] for x, _ in path]
