import numpy as np
import pytest
from body_shapes import detection_at

from rotoscope.models.bodies.tracker import BodyTracker
from rotoscope.pipeline.types import Frame

RATE_HZ = 30.0
WIDTH, HEIGHT = 320, 160
NUM = 60


class Film:
    """People as colored squares on a dark wall: value 200 + number, half as large as `halves`."""

    def __init__(self, *paths, halves=None, wall=None):
        self.paths, self.halves = paths, halves or [12] * len(paths)
        self.wall = wall or (lambda index: 10)

    def frames(self):
        for index in range(NUM):
            yield Frame(index, index / RATE_HZ, lambda index=index: self._image(index))

    def _image(self, index):
        image = np.full((HEIGHT, WIDTH, 3), self.wall(index), np.uint8)
        for number, (path, half) in enumerate(zip(self.paths, self.halves, strict=True)):
            if path[index] is not None:
                x, y = path[index]
                image[max(0, y - half) : y + half, max(0, x - half) : x + half] = 200 + number
        return image


def people_in(rgb):
    """The squares of an image that are not mostly covered, as detections."""
    out = []
    for value in np.unique(rgb[..., 0][rgb[..., 0] >= 200]):
        rows, columns = np.nonzero(rgb[..., 0] == value)
        half = np.sqrt(len(rows)) / 2
        if half > 6:
            out.append(detection_at(columns.mean(), rows.mean(), size_px=2 * half))
    return out


class Finder:
    """Finds squares, but only the surest two at a time, as a detector does."""

    num_looks = 0

    def __call__(self, rgb):
        self.num_looks += 1
        return people_in(rgb)[:2]

    def close(self):
        pass


class Follower:
    """Follows the square nearest to where its own one was; looks for one where it has none."""

    def __init__(self):
        self.at = None

    def __call__(self, rgb, time_s):
        found = people_in(rgb)
        if self.at is not None:
            found = [p for p in found if np.linalg.norm(p.center_px - self.at) < 40]
            found.sort(key=lambda p: np.linalg.norm(p.center_px - self.at))
        self.at = found[0].center_px if found else None
        return found[0] if found else None

    def forget(self):
        self.at = None

    def close(self):
        pass


def watch(film, *, num_people=1, **options):
    finder = Finder()
    settings = {"search_interval_s": 0.2, "cut_change": 25.0, **options}
    tracker = BodyTracker(finder, [Follower() for _ in range(num_people)], **settings)
    for frame in film.frames():
        tracker.observe(frame)
    return tracker.sightings, finder


def columns(sightings):
    return [{i: round(float(p.center_px[0])) for i, p in s.people.items()} for s in sightings]


def still(at, *, start=0, end=NUM):
    return [at if start <= i < end else None for i in range(NUM)]


def test_one_person_is_followed_without_further_looks():
    sightings, finder = watch(Film(still((100, 80))))
    assert [len(s.people) for s in sightings] == [1] * NUM
    assert [i for i, s in enumerate(sightings) if s.new] == [0]
    assert finder.num_looks <= 2


def test_the_largest_of_several_is_followed():
    film = Film(still((60, 80)), still((160, 80)), still((260, 80)), halves=[10, 12, 20])
    sightings, _ = watch(film)
    assert all(abs(c[0] - 260) <= 1 for c in columns(sightings))


def test_every_landmarker_gets_a_person_of_its_own():
    film = Film(still((60, 80)), still((160, 80)), still((260, 80)), halves=[10, 12, 20])
    sightings, _ = watch(film, num_people=3)
    for found in columns(sightings):
        assert sorted(round(x / 10) for x in found.values()) == [6, 16, 26]


def test_a_person_who_comes_later_is_found_within_the_interval():
    film = Film(still((60, 80)), still((200, 80), start=20))
    sightings, finder = watch(film, num_people=2, search_interval_s=0.2)
    first = next(i for i, s in enumerate(sightings) if len(s.people) == 2)
    assert 20 <= first <= 26
    assert finder.num_looks < 20


def test_while_nobody_is_followed_every_frame_is_looked_at():
    sightings, _ = watch(Film(still((100, 80), start=33)))
    assert [len(s.people) for s in sightings] == [0] * 33 + [1] * (NUM - 33)


def test_a_person_who_leaves_is_gone_and_may_come_back():
    path = [(100, 80) if i < 20 or i >= 40 else None for i in range(NUM)]
    sightings, _ = watch(Film(path))
    assert [len(s.people) for s in sightings] == [1] * 20 + [0] * 20 + [1] * 20
    assert [i for i, s in enumerate(sightings) if s.new] == [0, 40]


def test_two_landmarkers_never_stay_on_one_person_and_the_slide_is_taken_back():
    # The second person walks behind the first and vanishes there.
    going = [(max(100, 200 - 4 * i), 80) if i < 25 else None for i in range(NUM)]
    film = Film(going, still((90, 80)), halves=[12, 14])
    sightings, _ = watch(film, num_people=2)
    for found in columns(sightings):
        assert len(found) < 2 or abs(found[0] - found[1]) >= 8
    assert [len(s.people) for s in sightings[:18]] == [2] * 18
    assert [len(s.people) for s in sightings[27:]] == [1] * (NUM - 27)


def test_nobody_is_followed_across_a_cut():
    film = Film(
        still((100, 80), end=30), still((110, 80), start=30), wall=lambda i: 10 if i < 30 else 90
    )
    sightings, _ = watch(film)
    assert [i for i, s in enumerate(sightings) if s.is_cut] == [30]
    assert [i for i, s in enumerate(sightings) if s.new] == [0, 30]


@pytest.mark.parametrize("num_people", [1, 2])
def test_pictures_of_the_caller_are_not_painted_over(num_people):
    images = []
    tracker = BodyTracker(
        Finder(),
        [Follower() for _ in range(num_people)],
        search_interval_s=0.1,
        cut_change=25.0,
    )
    for frame in Film(still((60, 80)), still((200, 80))).frames():
        tracker.observe(frame)
        images.append(frame.rgb)
    assert all((image == images[0]).all() for image in images)
