"""The solver: inside all limits, exactly; and what can be reached is reached."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_robots import random_urdf
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.terms import PositionCost, VectorCost
from rotoscope.retarget.optimize.trajectory import (
    Problem,
    at_limit,
    initial_guess,
    solve,
    viterbi_path,
)
from rotoscope.retarget.optimize.violations import accelerations
from rotoscope.retarget.robots.joint_limits import JointLimits

SEEDS = st.integers(0, 2**20)
JOINTS = 4

HINGE = """<robot name="hinge"><link name="base"/><link name="arm"/>
<joint name="turn" type="revolute"><parent link="base"/><child link="arm"/>
<axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="50" effort="1"/></joint></robot>"""


@pytest.fixture(scope="module")
def description(tmp_path_factory) -> Description:
    path: Path = tmp_path_factory.mktemp("solver") / "robot.urdf"
    path.write_text(random_urdf(11, num_joints=JOINTS + 2))
    return read_description(path)


@pytest.fixture(scope="module")
def tree(description) -> KinematicTree:
    free = [j.name for j in description.joints.values() if j.mimic is None and j.kind != "fixed"]
    frames = [Frame.at(link, (0.05, -0.03, 0.08)) for link in description.links[1:]]
    return KinematicTree(
        description, columns=free[:JOINTS], locked=dict.fromkeys(free[JOINTS:], 0.1), frames=frames
    )


def limits_of(rng: np.random.Generator, count: int, *, acceleration: float) -> JointLimits:
    middle, half = rng.uniform(-0.5, 0.5, count), rng.uniform(0.2, 1.5, count)
    return JointLimits(
        lower=middle - half,
        upper=middle + half,
        max_velocity=rng.uniform(0.5, 5.0, count),
        max_acceleration=np.full(count, acceleration),
    )


def regularizer(count: int, *, acceleration: float = 100.0, rest: float = 3.0) -> Regularizer:
    return Regularizer(np.full(count, acceleration), np.zeros(count), np.full(count, rest))


def following(tree: KinematicTree, x: np.ndarray, *, sigma_m: float = 2e-3) -> PositionCost:
    """Marks where a trajectory has them."""
    p = tree.forward_kinematics(x).p_m
    frames = list(range(p.shape[1]))
    return PositionCost(frames, p, np.ones(p.shape[:2]), sigma_m)


def smooth_path(tree: KinematicTree, limits: JointLimits, time_s: np.ndarray) -> np.ndarray:
    """Joint values inside the limits, slower than the velocity limits."""
    middle, half = 0.5 * (limits.lower + limits.upper), 0.5 * (limits.upper - limits.lower)
    amplitude = np.minimum(0.8 * half, 0.5 * limits.max_velocity)
    phase = np.arange(tree.num_columns)
    return middle + amplitude * np.sin(time_s[:, None] + phase)


def wild_problem(tree: KinematicTree, seed: int, *, acceleration: float) -> Problem:
    """Targets that jump, on an irregular clock."""
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(1, 60))
    time_s = np.cumsum(rng.uniform(1 / 60, 0.1, frames))
    jumps = rng.uniform(-2.5, 2.5, (frames, tree.num_columns)) * (rng.random((frames, 1)) < 0.5)
    limits = limits_of(rng, tree.num_columns, acceleration=acceleration)
    return Problem(tree, [following(tree, jumps)], regularizer(tree.num_columns), limits, time_s)


@pytest.mark.parametrize("acceleration", [np.inf, 20.0])
@given(seed=SEEDS)
@settings(max_examples=12)
def test_all_limits_hold_exactly_and_in_float32_too(acceleration, seed, tree):
    problem = wild_problem(tree, seed, acceleration=acceleration)
    limits, rng = problem.limits, np.random.default_rng(seed)
    start = rng.uniform(-3, 3, (len(problem.time_s), tree.num_columns))
    found = solve(problem, start, options=SolverOptions(max_iterations=int(rng.integers(1, 15))))
    assert np.isfinite(found).all()
    for x in (found, found.astype(np.float32).astype(float)):
        assert (x >= limits.lower).all()
        assert (x <= limits.upper).all()
        speed = np.abs(np.diff(x, axis=0)) / np.diff(problem.time_s)[:, None]
        assert (speed <= limits.max_velocity).all()
        assert (np.abs(accelerations(x, problem.time_s)) <= limits.max_acceleration).all()


@given(seed=SEEDS)
@settings(max_examples=6)
def test_reachable_trajectory_is_recovered(seed, tree):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.02, 0.05, 50))
    limits = limits_of(rng, tree.num_columns, acceleration=np.inf)
    truth = smooth_path(tree, limits, time_s)
    term = following(tree, truth, sigma_m=1e-3)
    problem = Problem(
        tree, [term], regularizer(tree.num_columns, acceleration=1e3, rest=30.0), limits, time_s
    )
    nearby = truth + rng.normal(0, 0.2, truth.shape)
    p = tree.forward_kinematics(
        solve(problem, nearby, options=SolverOptions(max_iterations=40))
    ).p_m
    # Smoothness and rest, of weights 1e3 and 30, pull by far less than a millimeter.
    assert np.linalg.norm(p - term.target_m, axis=2).max() < 1e-3


def test_clips_solved_together_are_as_each_alone(tree):
    rng = np.random.default_rng(1)
    limits = limits_of(rng, tree.num_columns, acceleration=30.0)
    clocks = [np.arange(20) / 25.0, np.arange(31) / 60.0, np.zeros(1), np.arange(2) / 30.0]
    paths = [smooth_path(tree, limits, time_s + k) for k, time_s in enumerate(clocks)]
    options = SolverOptions(max_iterations=60, small_step=1e-9)
    alone = []
    for time_s, path in zip(clocks, paths, strict=True):
        problem = Problem(tree, [following(tree, path)], regularizer(JOINTS), limits, time_s)
        alone.append(solve(problem, np.zeros_like(path), options=options))
    both = np.concatenate(paths)
    starts = tuple(np.cumsum([0, *(len(c) for c in clocks[:-1])]).tolist())
    together = solve(
        Problem(
            tree,
            [following(tree, both)],
            regularizer(JOINTS),
            limits,
            np.concatenate(clocks),
            starts,
        ),
        np.zeros_like(both),
        options=options,
    )
    # Steps and barriers are those of the worst clip, so that both end near the same minimum only.
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-4)


def test_torch_finds_what_numpy_finds(tree):
    rng = np.random.default_rng(2)
    time_s = np.cumsum(rng.uniform(0.02, 0.05, 33))
    limits = limits_of(rng, tree.num_columns, acceleration=25.0)
    path = smooth_path(tree, limits, time_s) + rng.normal(0, 0.1, (33, JOINTS))
    term = following(tree, path)
    on_torch = dataclasses.replace(
        term, target_m=torch.from_numpy(term.target_m), weight=torch.from_numpy(term.weight)
    )
    problem = Problem(tree, [term], regularizer(JOINTS), limits, time_s)
    other = dataclasses.replace(problem, terms=[on_torch], like=torch.zeros(0, dtype=torch.float64))
    start = np.zeros_like(path)
    np.testing.assert_allclose(solve(other, start), solve(problem, start), atol=1e-6)


def hinge_problem(folder: Path, limits: JointLimits, angle_rad: np.ndarray) -> Problem:
    path = folder / "hinge.urdf"
    path.write_text(HINGE)
    tree = KinematicTree(
        read_description(path),
        columns=["turn"],
        locked={},
        frames=[Frame.at("base"), Frame.at("arm", (0.1, 0, 0))],
    )
    target = 0.1 * np.stack([np.cos(angle_rad), np.sin(angle_rad), 0 * angle_rad], axis=1)
    term = VectorCost([0], [1], target[:, None], np.ones((len(target), 1)), 1e-3)
    return Problem(tree, [term], regularizer(1), limits, np.arange(len(target)) / 30.0)


def test_first_guess_leaves_a_local_minimum(tmp_path):
    limits = JointLimits(*(np.array([v]) for v in (-3.0, 3.0, 50.0, np.inf)))
    problem = hinge_problem(tmp_path, limits, np.full(20, 2.6))
    wrong_side = np.full((20, 1), -2.8)
    # The shortest way leads through the stop of the joint.
    assert (solve(problem, wrong_side) < -2.9).all()
    guess = initial_guess(problem, wrong_side, np.ones(1, bool))
    np.testing.assert_allclose(solve(problem, guess), 2.6, atol=0.01)


def test_joint_without_end_turns_on_past_half_a_turn(tmp_path):
    limits = JointLimits(*(np.array([v]) for v in (-np.inf, np.inf, 20.0, np.inf)))
    wanted = np.linspace(1.0, 5.0, 60)
    problem = hinge_problem(tmp_path, limits, wanted)
    guess = initial_guess(problem, np.zeros((60, 1)), np.ones(1, bool))
    np.testing.assert_allclose(np.diff(guess[:, 0]), 4.0 / 59, atol=0.01)
    found = solve(problem, guess)[:, 0]
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * wanted), atol=0.05)
    assert np.abs(np.diff(found)).max() < 0.5


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips_are_solved_and_guessed(frames, tree):
    rng = np.random.default_rng(3)
    limits = limits_of(rng, JOINTS, acceleration=40.0)
    time_s = np.arange(frames) / 30.0
    path = smooth_path(tree, limits, time_s)
    problem = Problem(tree, [following(tree, path)], regularizer(JOINTS), limits, time_s)
    guess = initial_guess(problem, np.zeros((frames, JOINTS)), np.ones(JOINTS, bool))
    p = tree.forward_kinematics(solve(problem, guess)).p_m
    assert np.linalg.norm(p - problem.terms[0].target_m, axis=2).max() < 5e-3


def test_gap_of_minutes_couples_nothing(tree):
    rng = np.random.default_rng(4)
    limits = limits_of(rng, JOINTS, acceleration=np.inf)
    time_s = np.concatenate([np.arange(15) / 30.0, 300.0 + np.arange(15) / 30.0])
    path = smooth_path(tree, limits, time_s)
    problem = Problem(tree, [following(tree, path)], regularizer(JOINTS), limits, time_s)
    guess = initial_guess(problem, np.zeros_like(path), np.ones(JOINTS, bool))
    p = tree.forward_kinematics(solve(problem, guess)).p_m
    assert np.linalg.norm(p - problem.terms[0].target_m, axis=2).max() < 5e-3


def test_nothing_asked_ends_at_rest(tree):
    limits = JointLimits(np.full(4, -1.0), np.full(4, 1.0), np.full(4, 2.0), np.full(4, np.inf))
    term = following(tree, np.zeros((10, 4)))
    nothing = dataclasses.replace(
        term, target_m=np.full_like(term.target_m, np.nan), weight=0.0 * term.weight
    )
    rest = np.array([0.3, -0.2, 0.0, 0.5])
    problem = Problem(
        tree,
        [nothing],
        Regularizer(np.full(4, 100.0), rest, np.full(4, 0.1)),
        limits,
        np.arange(10) / 30.0,
    )
    found = solve(problem, np.zeros((10, 4)), options=SolverOptions(max_iterations=60))
    np.testing.assert_allclose(found, np.tile(rest, (10, 1)), atol=1e-3)


@given(seed=SEEDS)
@settings(max_examples=20)
def test_cheapest_path_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    solutions, cost = rng.normal(size=(4, 3, 2)), rng.uniform(0, 5, (4, 3))
    time_s, speed = np.cumsum(rng.uniform(0.1, 1.0, 4)), np.array([1.0, np.inf])

    def price(path: tuple[int, ...]) -> float:
        chosen = solutions[np.arange(4), list(path)]
        slow = (np.abs(np.diff(chosen, axis=0)) / speed / np.diff(time_s)[:, None]).max(axis=1)
        moving = slow + 20.0 * np.maximum(slow - 1.0, 0.0)
        return float(cost[np.arange(4), list(path)].sum() + moving.sum())

    best = min(itertools.product(range(3), repeat=4), key=price)
    found = viterbi_path(solutions, cost, time_s, speed)
    np.testing.assert_array_equal(found, solutions[np.arange(4), list(best)])


def test_columns_at_a_limit_are_known_by_their_distance():
    limits = JointLimits(*(np.array([v]) for v in (-1.0, np.inf, 1.0, np.inf)))
    x = np.array([[-1.0], [-0.9995], [-0.9], [1e6]])
    assert at_limit(x, limits)[:, 0].tolist() == [True, True, False, False]
