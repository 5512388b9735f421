"""Vectors of a hand: copied, kept apart, and left to rest where nothing is known."""

import numpy as np
import pytest
from drawn_robots import hand_urdf, hand_yaml
from pydantic import ValidationError

from rotoscope.retarget.hand.vector_objective import (
    Distances,
    Vectors,
    VectorSolution,
    VectorWeights,
    follow_vectors,
)
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.robots.config import PointSection, SphereSection
from rotoscope.retarget.robots.robot import HandRobot, load_hand

TIME_S = np.arange(40) / 30.0


@pytest.fixture(scope="module")
def hand(tmp_path_factory) -> HandRobot:
    folder = tmp_path_factory.mktemp("vectors")
    (folder / "hand.urdf").write_text(hand_urdf())
    (folder / "hand.yaml").write_text(hand_yaml())
    return load_hand(str(folder / "hand.yaml"))


def points(hand: HandRobot) -> tuple[tuple[PointSection, ...], tuple[PointSection, ...]]:
    tips = tuple(hand.config.tips.values())
    return (hand.config.palm,) * len(tips), tips


def vectors_at(hand: HandRobot, joints: np.ndarray) -> Vectors:
    """Vectors from palm to tips that these joints make."""
    origins, tips = points(hand)
    frames = [Frame.at(p.link, p.offset_m) for p in (*origins, *tips)]
    p = hand.tree(frames).forward_kinematics(joints).p_m
    target = p[:, len(origins) :] - p[:, : len(origins)]
    return Vectors(origins, tips, target, np.ones(target.shape[:2]))


def follow(hand: HandRobot, vectors: Vectors, **options: object) -> VectorSolution:
    return follow_vectors(
        hand.description,
        vectors,
        hand.limits,
        TIME_S[: len(vectors.target_m)],
        joints=hand.joint_names,
        locked=hand.locked,
        rest=hand.rest,
        **options,
    )


def moving(hand: HandRobot) -> np.ndarray:
    """Joints that open and close slowly, inside their limits."""
    middle, half = 0.5 * (hand.lower + hand.upper), 0.4 * (hand.upper - hand.lower)
    return middle + half * np.sin(2.0 * TIME_S[:, None] + np.arange(len(middle)))


def test_vectors_that_the_hand_can_make_are_made(hand):
    solution = follow(hand, vectors_at(hand, moving(hand)))
    assert np.median(solution.error_m) < 1e-3
    assert solution.error_m.max() < 5e-3


def test_joints_stay_inside_all_limits_when_nothing_is_in_reach(hand):
    vectors = vectors_at(hand, moving(hand))
    rng = np.random.default_rng(0)
    far = Vectors(
        vectors.origins, vectors.tips, rng.normal(0, 0.5, vectors.target_m.shape), vectors.weight
    )
    joints = follow(hand, far).joints
    assert ((joints >= hand.lower) & (joints <= hand.upper)).all()
    assert (np.abs(np.diff(joints, axis=0)) * 30.0 <= hand.max_velocity).all()


def test_unknown_vectors_count_for_nothing_and_have_no_error(hand):
    vectors = vectors_at(hand, moving(hand))
    weight = vectors.weight.copy()
    weight[10:14] = 0.0
    weight[:, 2] = 0.0
    target = np.where(weight[..., None] > 0, vectors.target_m, np.nan)
    found = follow(hand, Vectors(vectors.origins, vectors.tips, target, weight))
    anything = np.where(weight[..., None] > 0, vectors.target_m, 9.0)
    other = follow(hand, Vectors(vectors.origins, vectors.tips, anything, weight))
    np.testing.assert_array_equal(np.isnan(found.error_m), weight == 0.0)
    np.testing.assert_array_equal(found.joints, other.joints)


def test_balls_stay_apart_where_vectors_would_join_them(hand):
    origins, tips = points(hand)
    target = vectors_at(hand, moving(hand)).target_m[:10].copy()
    # The tips of the first two fingers at one place.
    target[:, 2] = target[:, 1] = 0.5 * (target[:, 1] + target[:, 2])
    vectors = Vectors(origins, tips, target, np.ones(target.shape[:2]))
    balls = [SphereSection(link=tips[i].link, radius_m=0.01) for i in (1, 2)]
    gap = []
    for spheres in ([], [(balls[0], balls[1])]):
        joints = follow(hand, vectors, spheres=spheres).joints
        p = hand.tree([Frame.at(ball.link) for ball in balls]).forward_kinematics(joints).p_m
        gap.append(np.linalg.norm(p[:, 1] - p[:, 0], axis=1).min())
    assert gap[0] < 0.012
    assert gap[1] > 0.017


def test_distance_is_kept_where_a_vector_is_out_of_reach(hand):
    vectors = vectors_at(hand, moving(hand))
    between_m = vectors.target_m[:, 1] - vectors.target_m[:, 0]
    wanted_m = np.linalg.norm(between_m, axis=1)
    target = vectors.target_m.copy()
    target[:, 0] += [0.0, 0.0, 0.04]
    far = Vectors(vectors.origins, vectors.tips, target, vectors.weight)
    two = [Frame.at(p.link, p.offset_m) for p in vectors.tips[:2]]
    off = []
    for weight in (0.0, 2.0):
        distances = Distances(
            vectors.tips[:1],
            vectors.tips[1:2],
            wanted_m[:, None],
            np.full((len(wanted_m), 1), weight),
        )
        p = hand.tree(two).forward_kinematics(follow(hand, far, distances=distances).joints).p_m
        off.append(np.abs(np.linalg.norm(p[:, 1] - p[:, 0], axis=1) - wanted_m).mean())
    assert off[1] < 0.3 * off[0]


def test_hand_of_which_nothing_is_known_rests(hand):
    vectors = vectors_at(hand, moving(hand))
    nothing = Vectors(
        vectors.origins,
        vectors.tips,
        np.full_like(vectors.target_m, np.nan),
        np.zeros_like(vectors.weight),
    )
    solution = follow(
        hand, nothing, weights=VectorWeights(rest=0.1), options=SolverOptions(max_iterations=60)
    )
    np.testing.assert_allclose(solution.joints, np.tile(hand.rest, (40, 1)), atol=5e-3)
    assert np.isnan(solution.error_m).all()


def test_one_frame_is_followed(hand):
    one = vectors_at(hand, moving(hand)[:1])
    assert follow(hand, one).error_m.max() < 5e-3


@pytest.mark.parametrize("wrong", [{"vector_m": 0.0}, {"rest": -1.0}, {"tip": 1.0}])
def test_weights_are_positive_and_known(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        VectorWeights(**wrong)
