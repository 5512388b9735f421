"""Key frames of a thing: views that its model is made of, made to agree by a pose graph."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.seen import Lens, SeenThing
from rotoscope.models.object_pose.settle import View, settle
from rotoscope.models.object_pose.surface import Model, thinned
from rotoscope.pipeline.geometry import se3

OVERLAP_RAD = np.radians(55.0)
"""Views from directions that differ by less see enough of the same surface to be matched."""
LOOP_SHARE = 0.5
"""Points of one view that must lie on the other for the pair to count."""
REACH_VOXELS = 3.0
LOOP_REACHES = (3.0, 2.5, 2.5, 2.5)
LOOP_OUTSIDE = 0.1
"""Share of one view's points that the other may see past."""
PAST_M = 0.012
"""What a view sees so far behind a point of the model was never there [m]."""
BESIDE_M = 0.008
CERTAIN = np.diag([1e-8] * 6)
"""Covariance of the first frame's pose, which the model's frame is defined by."""


@dataclass(eq=False)
class KeyFrame:
    """A frame that the model is made of."""

    frame: int
    seen: SeenThing
    depth_m: Float[np.ndarray, "height width"]
    T_model_camera: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    """Of (turn, shift) about the model's origin: as it was followed, and once all agree what the
    pose graph leaves open against the first."""

    @property
    def from_where(self) -> Float[np.ndarray, " 3"]:
        """Direction in the model's frame from which the camera looks."""
        place = self.T_model_camera[:3, 3]
        return np.asarray(place / np.linalg.norm(place))


def fused(keys: list[KeyFrame], voxel_m: float) -> Model:
    """The model that key frames make together."""
    points = np.concatenate([se3.apply(k.T_model_camera, k.seen.points_m) for k in keys])
    normals = np.concatenate([k.seen.normals @ k.T_model_camera[:3, :3].T for k in keys])
    return thinned(points, normals, voxel_m)


def agreed(keys: list[KeyFrame], voxel_m: float, lens: Lens) -> list[KeyFrame]:
    """The key frames, their poses made to agree where they see the same surface (pose graph).

    Errors of poses add up from key frame to key frame; pairs that see the same surface again, such
    as the first and the last when the thing is turned back, close the loop. The first stays.
    """
    if len(keys) < 3:
        return keys
    reg = open3d().pipelines.registration
    placed = [fused([key], voxel_m) for key in keys]
    graph, reach_m = reg.PoseGraph(), REACH_VOXELS * voxel_m
    for _ in keys:
        graph.nodes.append(reg.PoseGraphNode(np.eye(4)))
    for i in range(len(keys)):
        for j in range(i + 1, len(keys)):
            if j == i + 1:
                # As it was followed, and as sure as that.
                followed = np.linalg.inv(keys[i].covariance + keys[j].covariance)
                graph.edges.append(reg.PoseGraphEdge(i, j, np.eye(4), followed, uncertain=False))
            if keys[i].from_where @ keys[j].from_where > np.cos(OVERLAP_RAD):
                loop = _loop(keys[i], placed[j], lens)
                if loop is not None:
                    graph.edges.append(reg.PoseGraphEdge(i, j, *loop, uncertain=True))
    reg.global_optimization(
        graph,
        reg.GlobalOptimizationLevenbergMarquardt(),
        reg.GlobalOptimizationConvergenceCriteria(),
        reg.GlobalOptimizationOption(
            max_correspondence_distance=reach_m, edge_prune_threshold=0.25, reference_node=0
        ),
    )
    return [
        dataclasses.replace(
            key, T_model_camera=np.asarray(node.pose) @ key.T_model_camera, covariance=P
        )
        for key, node, P in zip(keys, graph.nodes, left_open(graph), strict=True)
    ]


def left_open(graph: Any) -> list[Float[np.ndarray, "6 6"]]:
    """Covariance of each node's pose against the first, of a graph whose nodes lie near the origin.

    Edges that contradict one another more than they are said to are no surer than they agree.
    """
    num = len(graph.nodes)
    H, contradiction = np.zeros((6 * num, 6 * num)), []
    for edge in graph.edges:
        i, j = edge.source_node_id, edge.target_node_id
        information = edge.confidence * np.asarray(edge.information)
        to = se3.inverse(np.asarray(graph.nodes[j].pose)) @ np.asarray(graph.nodes[i].pose)
        off = se3.inverse(np.asarray(edge.transformation)) @ to
        x = np.concatenate([se3.log_so3(off[:3, :3]), off[:3, 3]])
        contradiction.append(float(x @ information @ x) / 6)
        for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            H[6 * a : 6 * a + 6, 6 * b : 6 * b + 6] += sign * information
    H[:6, :6] += np.linalg.inv(CERTAIN)
    # As many edges as nodes but one leave nothing that could contradict.
    spare = max(len(graph.edges) - (num - 1), 1)
    worse = max(1.0, sum(contradiction) / spare)
    P = worse * np.linalg.inv(H + 1e-6 * np.eye(6 * num))
    return [P[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] for k in range(num)]


def _loop(
    key: KeyFrame, other: Model, lens: Lens
) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "6 6"]] | None:
    """What brings one view onto another, and how sure; `None` where they share too little.

    Along what their common surface does not tell, as the axis of a cylinder, it is not sure at all.
    """
    view = View(key.seen, lens, key.depth_m)
    found = settle(view, other, key.T_model_camera, [], LOOP_REACHES)
    if found.share < LOOP_SHARE or found.outside > LOOP_OUTSIDE:
        return None
    T = found.T_model_camera @ se3.inverse(key.T_model_camera)
    return T, np.linalg.inv(found.covariance)


def carved(model: Model, keys: list[KeyFrame], lens: Lens) -> Model:
    """The model without points that as many views see past as see: hands, tables, stray ones."""
    past, on = np.zeros(len(model.points_m)), np.zeros(len(model.points_m))
    for key in keys:
        in_camera = se3.apply(se3.inverse(key.T_model_camera), model.points_m)
        measured, _ = lens.depth_at(key.depth_m, in_camera)
        behind = measured - in_camera[:, 2]
        past += behind > PAST_M
        on += np.abs(behind) < BESIDE_M
    return model.without((past > 0) & (past >= on))
