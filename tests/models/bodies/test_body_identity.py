import numpy as np
from body_shapes import detection_at

from rotoscope.models.bodies.identity import assign_people, build_tracklets, join_tracklets
from rotoscope.models.bodies.tracker import Sighting

RED, BLUE = (200.0, 30.0, 30.0), (30.0, 30.0, 200.0)
RATE_HZ = 30.0


def sightings(*frames, cuts=(), new=()):
    """One per frame: a dict of landmarker -> (x, color) or (x, color, size)."""
    out = []
    for index, people in enumerate(frames):
        found = {
            slot: detection_at(x, 100, rgb=rgb, size_px=rest[0] if rest else 60)
            for slot, (x, rgb, *rest) in people.items()
        }
        fresh = frozenset(slot for frame, slot in new if frame == index)
        out.append(Sighting(found, fresh, index in cuts))
    return out


def people_of(found, **options):
    time_s = np.arange(len(found)) / RATE_HZ
    settings = {"max_speed": 6.0, "forget_s": 1.0, **options}
    tracklets = build_tracklets(found, time_s, max_speed=settings["max_speed"])
    return join_tracklets(tracklets, **settings)


def frames_of(people):
    return [person.frames for person in people]


def test_a_person_who_walks_is_one_tracklet():
    found = sightings(*({0: (100 + 3 * i, RED)} for i in range(30)))
    (person,) = people_of(found)
    assert person.frames == list(range(30))


def test_a_jump_begins_another_person():
    found = sightings(*({0: (100 if i < 15 else 400, RED)} for i in range(30)))
    assert frames_of(people_of(found)) == [list(range(15)), list(range(15, 30))]


def test_who_is_seen_again_nearby_in_the_same_clothes_is_the_same():
    found = sightings(*({} if 10 <= i < 20 else {0: (100, RED)} for i in range(30)))
    assert frames_of(people_of(found)) == [[*range(10), *range(20, 30)]]


def test_who_is_seen_there_in_other_clothes_is_another():
    found = sightings(
        *({} if 10 <= i < 20 else {0: (100, RED if i < 10 else BLUE)} for i in range(30))
    )
    assert frames_of(people_of(found)) == [list(range(10)), list(range(20, 30))]


def test_who_is_seen_long_after_is_another():
    found = sightings(*({} if 10 <= i < 50 else {0: (100, RED)} for i in range(60)))
    assert len(people_of(found)) == 2
    assert len(people_of(found, forget_s=2.0)) == 1


def test_a_landmarker_put_on_somebody_anew_begins_a_tracklet():
    found = sightings(
        *({0: (100, RED if i < 10 else BLUE)} for i in range(20)), new=[(0, 0), (10, 0)]
    )
    assert frames_of(people_of(found)) == [list(range(10)), list(range(10, 20))]


def test_one_track_never_holds_two_people_between_two_cuts():
    found = sightings(*({0: (100 if i < 20 else 400, RED)} for i in range(30)))
    people = people_of(found)
    (track,) = assign_people(people, 1)
    assert frames_of(track) == [list(range(20))]
    first, second = assign_people(people, 2)
    assert (frames_of(first), frames_of(second)) == ([list(range(20))], [list(range(20, 30))])


def test_after_a_cut_a_track_goes_on_with_somebody_else():
    found = sightings(
        *({0: (100 if i < 20 else 400, RED)} for i in range(30)), cuts=[20], new=[(20, 0)]
    )
    (track,) = assign_people(people_of(found), 1)
    assert frames_of(track) == [list(range(20)), list(range(20, 30))]


def test_who_is_seen_largest_and_longest_comes_first():
    found = sightings(
        *(
            {0: (100, RED, 40), 1: (300, BLUE, 90)} if i < 20 else {0: (100, RED, 40)}
            for i in range(30)
        )
    )
    first, second = assign_people(people_of(found), 2)
    assert first[0].detections[0].size_px > 80
    assert second[0].frames == list(range(30))
