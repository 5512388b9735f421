"""The cost of a trajectory, against its own sum over frames."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from rotoscope.retarget.kinematics.frames import FramePoses
from rotoscope.retarget.optimize.cost import Objective, Regularizer
from rotoscope.retarget.optimize.terms import PositionCost

FRAMES, COLUMNS, MARKS = 7, 3, 2
TIME_S = np.array([0.0, 0.03, 0.05, 0.1, 0.14, 0.15, 0.22])


class Levers:
    """Marks whose places are linear in the columns, so that the cost is a parabola."""

    def __init__(self, seed=0):
        self.weights = np.random.default_rng(seed).normal(size=(COLUMNS, MARKS, 3))

    @property
    def size(self):
        return COLUMNS * MARKS

    def forward_kinematics(
        self, x, R_reference=None, *, jacobian=False, rotations=True, workspace=None
    ):
        p = np.einsum("tc,cmi->tmi", x, self.weights)
        J = np.broadcast_to(self.weights, (len(x), *self.weights.shape))
        return FramePoses(p, np.zeros((len(x), MARKS, 3, 3)), J)


def terms(seed=1, frames=FRAMES):
    """Two wishes, so little robust that the cost stays a parabola."""
    rng = np.random.default_rng(seed)
    one, two = (rng.normal(size=(frames, n, 3)) for n in (1, 2))
    return [
        PositionCost([0], one, rng.uniform(0.5, 2, (frames, 1)), 0.1, robust=1e9),
        PositionCost([1, 0], two, rng.uniform(0, 2, (frames, 2)), 0.3, robust=1e9),
    ]


def regularizer(**changes):
    return replace(
        Regularizer(
            np.array([2.0, 30.0, 400.0]), np.array([0.1, -0.2, 0.3]), np.array([0.5, 2.0, np.inf])
        ),
        **changes,
    )


def frame_weights(starts):
    """Half of the way to both neighbors, over 1/30 s; ends of clips count their one twice."""
    out = np.zeros(FRAMES)
    edges = [*starts, FRAMES]
    for a, b in itertools.pairwise(edges):
        steps = np.minimum(np.diff(TIME_S[a:b]), 0.1)
        if b - a == 1:
            out[a] = 1.0
            continue
        out[a:b] = 15.0 * (np.append(steps[0], steps) + np.append(steps, steps[-1]))
    return out


def by_hand(x, starts, given, *, coupling=None, acceleration=None, order=None):
    """The cost as a sum: terms, distance to rest, accelerations of parabolas through three."""
    weight, total = frame_weights(starts), 0.0
    p = Levers().forward_kinematics(x).p_m
    order = np.arange(FRAMES) if order is None else order
    for term in terms():
        error = p[:, term.frame_ids] - term.target_m[order]
        squared = (error**2).sum(axis=2) * term.weight[order] / term.sigma_m**2
        total += 0.5 * (weight * squared.sum(axis=1)).sum()
    total += 0.5 * (weight[:, None] * ((x - given.rest) / given.sigma_rest) ** 2).sum()
    if coupling is not None:
        total += 0.5 * np.einsum("t,ti,ij,tj->", weight, x, coupling, x)
    known = np.zeros_like(x) if acceleration is None else acceleration[order]
    for t in range(1, FRAMES - 1):
        if t in starts or t + 1 in starts:
            continue
        curve = np.polyfit(TIME_S[t - 1 : t + 2] - TIME_S[t], x[t - 1 : t + 2], 2)
        push = 2.0 * curve[0]
        total += weight[t] * ((0.5 * push**2 + push * known[t]) / given.sigma_acceleration**2).sum()
    return total


@pytest.mark.parametrize("starts", [(0,), (0, 3), (0, 1, 4)])
@pytest.mark.parametrize("is_full", [False, True])
def test_gradient_and_curvature_are_those_of_the_sum(starts, is_full):
    rng = np.random.default_rng(2)
    root = rng.normal(size=(COLUMNS, COLUMNS))
    more = {"coupling": root @ root.T, "acceleration": rng.normal(0, 5.0, (FRAMES, COLUMNS))}
    more = more if is_full else {}
    order = np.array([3, 0, 0, 6, 5, 1, 2]) if is_full else None
    given = regularizer(**more)
    objective = Objective(Levers(), terms(), given, TIME_S, starts=starts, frames=order)
    x = rng.normal(size=(FRAMES, COLUMNS))
    found = objective.linearize(x)

    def cost(flat):
        return by_hand(flat.reshape(x.shape), starts, given, order=order, **more)

    size = x.size
    unit, at = np.eye(size), x.ravel()
    # The cost is a parabola, so differences are exact but for rounding at any step.
    gradient = np.array([(cost(at + u) - cost(at - u)) / 2 for u in unit])
    np.testing.assert_allclose(found.gradient.ravel(), gradient, rtol=1e-6, atol=1e-5)
    flat = found.bands.reshape(len(found.bands), -1)
    middle = cost(at)
    for i in range(size):
        for k in range(min(2 * COLUMNS + 1, size - i)):
            j = i + k
            curved = cost(at + unit[i] + unit[j]) - cost(at + unit[i]) - cost(at + unit[j]) + middle
            assert flat[k, i] == pytest.approx(curved, rel=1e-5, abs=1e-4)


def test_errors_are_what_terms_cost_in_each_frame():
    x = np.random.default_rng(3).normal(size=(FRAMES, COLUMNS))
    objective = Objective(Levers(), terms(), regularizer(), TIME_S)
    p, expected = Levers().forward_kinematics(x).p_m, np.zeros(FRAMES)
    for term in terms():
        squared = ((p[:, term.frame_ids] - term.target_m) ** 2).sum(axis=2)
        expected += (squared * term.weight / term.sigma_m**2).sum(axis=1)
    np.testing.assert_allclose(objective.errors(x), expected, rtol=1e-9)
    np.testing.assert_allclose(objective.linearize(x).error, objective.errors(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("size", "frames", "block"),
    [
        # 8 MB over 24 bytes for each column and mark, between 16 and 256 frames.
        *((1, 256, 256), (10**4, 33, 33), (10**4, 1, 1), (10**6, 16, 16)),
        # More than that is cut into parts of one length, but for what does not go up.
        *((1, 257, 129), (10**4, 34, 17), (10**4, 100, 25), (10**6, 50, 13)),
    ],
)
def test_blocks_of_frames_are_as_long_as_fits(size, frames, block):
    class Sized(Levers):
        @property
        def size(self):
            return size

    time_s = np.arange(frames) / 30
    assert Objective(Sized(), terms(frames=frames), regularizer(), time_s).block == block


def test_parts_add_up_to_the_whole():
    frames = 40
    rng = np.random.default_rng(4)
    x, time_s = rng.normal(size=(frames, COLUMNS)), np.arange(frames) / 30
    whole = Objective(Levers(), terms(frames=frames), regularizer(), time_s)
    parts = Objective(Levers(), terms(frames=frames), regularizer(), time_s)
    parts.block = 16
    one, two = whole.linearize(x), parts.linearize(x)
    np.testing.assert_allclose(one.gradient, two.gradient, rtol=1e-9)
    np.testing.assert_allclose(one.bands, two.bands, rtol=1e-9)
    np.testing.assert_allclose(one.error, two.error, rtol=1e-12)
    np.testing.assert_allclose(whole.errors(x), parts.errors(x), rtol=1e-12)
