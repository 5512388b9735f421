"""Key frames of a thing: views that its model is made of, made to agree by a pose graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.seen import Lens, SeenThing
from rotoscope.models.object_pose.surface import Model, cloud_of, thinned
from rotoscope.pipeline.geometry import se3

OVERLAP_RAD = np.radians(55.0)
"""Views from directions that differ by less see enough of the same surface to be matched."""
LOOP_SHARE = 0.5
"""Points of one view that must lie on the other for the pair to count."""
REACH_VOXELS = 3.0
PAST_M = 0.012
"""What a view sees so far behind a point of the model was never there [m]."""
BESIDE_M = 0.008


@dataclass(eq=False)
class KeyFrame:
    """A frame that the model is made of."""

    frame: int
    seen: SeenThing
    depth_m: Float[np.ndarray, "height width"]
    T_model_camera: Float[np.ndarray, "4 4"]

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


def agreed(keys: list[KeyFrame], voxel_m: float) -> list[KeyFrame]:
    """The key frames, their poses made to agree where they see the same surface (pose graph).

    Errors of poses add up from key frame to key frame; pairs that see the same surface again, such
    as the first and the last when the thing is turned back, close the loop. The first stays.
    """
    if len(keys) < 3:
        return keys
    o3d = open3d()
    reg = o3d.pipelines.registration
    placed = [
        cloud_of(se3.apply(k.T_model_camera, k.seen.points_m), k.seen.normals @ k.T_model_camera[:3, :3].T)
        for k in keys
    ]
    graph, reach = reg.PoseGraph(), REACH_VOXELS * voxel_m
    for _ in keys:
        graph.nodes.append(reg.PoseGraphNode(np.eye(4)))
    loss = reg.TransformationEstimationPointToPlane(reg.TukeyLoss(k=reach))
    for i in range(len(keys)):
        for j in range(i + 1, len(keys)):
            is_next = j == i + 1
            if keys[i].from_where @ keys[j].from_where < np.cos(OVERLAP_RAD) and not is_next:
                continue
            found = reg.registration_icp(
                placed[i], placed[j], reach, np.eye(4), loss, reg.ICPConvergenceCriteria(1e-5, 1e-5, 10)
            )
            if found.fitness < LOOP_SHARE and not is_next:
                continue
            # Next ones that share little stay as they were followed.
            T = found.transformation if found.fitness >= LOOP_SHARE else np.eye(4)
            told = reg.get_information_matrix_from_point_clouds(placed[i], placed[j], reach, T)
            graph.edges.append(
                reg.PoseGraphEdge(i, j, T, told + np.eye(6), uncertain=not is_next)
            )
    reg.global_optimization(
        graph,
        reg.GlobalOptimizationLevenbergMarquardt(),
        reg.GlobalOptimizationConvergenceCriteria(),
        reg.GlobalOptimizationOption(
            max_correspondence_distance=reach, edge_prune_threshold=0.25, reference_node=0
        ),
    )
    return [
        KeyFrame(key.frame, key.seen, key.depth_m, np.asarray(node.pose) @ key.T_model_camera)
        for key, node in zip(keys, graph.nodes, strict=True)
    ]


def carved(model: Model, keys: list[KeyFrame], lens: Lens) -> Model:
    """The model without points that more views see past than see: hands, tables, stray ones."""
    past, on = np.zeros(len(model.points_m)), np.zeros(len(model.points_m))
    for key in keys:
        in_camera = se3.apply(se3.inverse(key.T_model_camera), model.points_m)
        measured, _ = lens.depth_at(key.depth_m, in_camera)
        behind = measured - in_camera[:, 2]
        past += behind > PAST_M
        on += np.abs(behind) < BESIDE_M
    return model.without(past > on)
