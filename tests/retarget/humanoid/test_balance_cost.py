"""Who rests is to be balanced, over what stands."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.description.links import Description, Mass
from rotoscope.retarget.humanoid.balance_cost import balance_cost, mass_frames, stillness
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion


def walking(speed_m_s, *, fps=30, num_frames=30, direction=(0.6, 0.8, 5.0)):
    """Hips that move at one speed over the ground, and in any way up."""
    time_s = np.arange(num_frames) / fps
    joints = np.full((num_frames, len(BODY_JOINTS), 3), np.nan)
    path = speed_m_s * time_s[:, None] * np.array(direction)
    joints[:, BODY_JOINTS.index("pelvis")] = path
    return HumanMotion(joints, time_s)


@pytest.mark.parametrize(
    ("speed_m_s", "still"), [(0.0, 1.0), (0.15, 0.25), (0.3, 0.04), (0.075, 0.64)]
)
def test_golden_stillness(speed_m_s, still):
    # 1 / (1 + (v / 0.15)^2)^2: a quarter at 15 cm a second. What goes up does not count.
    np.testing.assert_allclose(stillness(walking(speed_m_s)), still, atol=1e-9)


def test_hips_that_are_not_seen_are_not_still():
    person = walking(0.0)
    person.joints_m[10:20] = np.nan
    found = stillness(person)
    assert (found[10:20] == 0).all()
    assert (found[:10] == 1).all()
    assert stillness(walking(0.0, num_frames=1)).tolist() == [0.0]


@pytest.mark.parametrize(("fps", "half"), [(30, 3), (60, 6), (20, 2), (14, 1), (3, 1)])
def test_speed_is_the_slope_over_a_fifth_of_a_second(fps, half):
    # One frame off by 3 cm, at the window's end or just beyond: the slope of a least-squares line
    # is sum(t x) / sum(t^2), and 0 where the frame is not seen.
    for offset in (half, half + 1):
        person = walking(0.0, fps=fps)
        person.joints_m[15 + offset, BODY_JOINTS.index("pelvis"), 0] = 0.03
        around = np.arange(-half, half + 1)
        slope = fps * 0.03 * half / (around**2).sum() if offset == half else 0.0
        expected = 1 / (1 + (slope / 0.15) ** 2) ** 2
        assert stillness(person)[15] == pytest.approx(expected, abs=1e-9)


def test_links_that_weigh_less_than_four_thousandths_are_left_out():
    masses = {  # half a kilogram in all
        "trunk": Mass(0.45, (0.0, 0.1, 0.2)),
        "leg": Mass(0.04795, (1.0, 0.0, 0.0)),
        "toe": Mass(0.00205, (0.0, 0.0, 0.0)),
    }
    description = Description(Path("r.urdf"), tuple(masses), {}, masses)
    frames, share = mass_frames(description)
    assert list(frames) == ["mass.trunk", "mass.leg", "mass.toe"]
    np.testing.assert_allclose(share, [0.9, 0.0959, 0.0041])
    assert frames["mass.trunk"].link == "trunk"
    lighter = {**masses, "toe": Mass(0.00195, (0.0, 0, 0)), "leg": Mass(0.04805, (1.0, 0, 0))}
    frames, share = mass_frames(Description(Path("r.urdf"), tuple(masses), {}, lighter))
    assert list(frames) == ["mass.trunk", "mass.leg"]
    np.testing.assert_allclose(share, [0.9 / 0.9961, 0.0961 / 0.9961])
    nothing = mass_frames(Description(Path("r.urdf"), ("a",), {}, {"a": Mass(0.0, (0, 0, 0))}))
    assert nothing[0] == {}


def square(at, half=0.1, frames=4):
    corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) + at
    return np.broadcast_to(corners, (frames, 4, 2)).copy()


CORNERS = {"left": square((0.0, 0.5)), "right": square((0.0, -0.5))}
CONTACT = np.array([[True, False], [False, True], [True, True], [False, False]])


def term(**changes):
    settings = {"margin_m": 0.02, "sigma_m": 0.01, **changes}
    still = np.array([1.0, 0.5, 0.25, 1.0])
    return balance_cost([3, 5], np.array([0.75, 0.25]), CORNERS, CONTACT, still, **settings)


def beyond(found, frame, point):
    """How far a point is beyond the support of a frame."""
    edges = np.linalg.norm(found.normal[frame], axis=1) > 0
    return (found.normal[frame] @ point - found.offset_m[frame])[edges].max()


@pytest.mark.parametrize(
    ("frame", "point", "distance"),
    [
        (0, (0.0, 0.5), -0.08),
        (0, (0.15, 0.5), 0.07),
        (0, (0.0, -0.5), 0.92),
        (1, (0.0, -0.5), -0.08),
        (2, (0.0, 0.0), -0.08),
        (2, (0.0, 0.65), 0.07),
    ],
)
def test_golden_distance_to_the_support(frame, point, distance):
    # Soles of 20 cm half a meter to either side, their edges 2 cm further in.
    assert beyond(term(), frame, np.array(point)) == pytest.approx(distance, abs=1e-9)


def test_only_frames_that_stand_count_and_as_much_as_they_are_still():
    found = term()
    assert found.weight.tolist() == [1.0, 0.5, 0.25, 0.0]
    assert (found.normal[3] == 0).all()
    assert (found.offset_m[3] == 0).all()
    assert found.normal.shape == (4, 8, 2)
    assert found.offset_m.shape == (4, 8)
    assert found.sigma_m == 0.01
    assert found.frame_ids == [3, 5]


def test_a_margin_wider_than_the_sole_ends_at_its_middle():
    assert beyond(term(margin_m=5.0), 0, np.array([0.03, 0.5])) == pytest.approx(0.03)
