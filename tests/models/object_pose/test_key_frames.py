"""What a pose graph leaves open of the views that a model is made of."""

import numpy as np
import pytest

from rotoscope.models.object_pose.key_frames import CERTAIN, left_open
from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.pipeline.geometry import se3

SIGMA = np.array([0.01] * 3 + [0.002] * 3)
"""Of one step: turn [rad], shift [m]."""


def graph(*, loop: float | None = None) -> object:
    """Four views in a row, each followed from the one before; the last is `loop` off by a loop."""
    reg = open3d().pipelines.registration
    made, information = reg.PoseGraph(), np.diag(SIGMA**-2.0)
    for _ in range(4):
        made.nodes.append(reg.PoseGraphNode(np.eye(4)))
    for k in range(3):
        made.edges.append(reg.PoseGraphEdge(k, k + 1, np.eye(4), information, uncertain=False))
    if loop is not None:
        off = se3.make(se3.exp_so3(np.array([loop, 0.0, 0.0])), np.zeros(3))
        made.edges.append(reg.PoseGraphEdge(0, 3, off, information, uncertain=True))
    return made


def test_what_is_not_known_adds_up_from_view_to_view() -> None:
    for k, P in enumerate(left_open(graph())):
        np.testing.assert_allclose(P, CERTAIN + k * np.diag(SIGMA**2), rtol=1e-3)


def test_a_loop_that_agrees_makes_the_views_between_surer() -> None:
    open_ended, closed = left_open(graph()), left_open(graph(loop=0.0))
    # Two ways of three and one step to the last, of two and two to the middle.
    np.testing.assert_allclose(closed[3], open_ended[3] / 4, rtol=1e-2)
    np.testing.assert_allclose(closed[2], open_ended[2] / 2, rtol=1e-2)


@pytest.mark.parametrize("off_rad", [0.05, 0.2])
def test_a_loop_that_contradicts_makes_all_of_them_less_sure(off_rad: float) -> None:
    agrees, contradicts = left_open(graph(loop=0.0)), left_open(graph(loop=off_rad))
    worse = (off_rad / SIGMA[0]) ** 2 / 6
    np.testing.assert_allclose(contradicts[2], worse * agrees[2], rtol=1e-2)
