"""How well a robot stands: its center of mass over what it stands on.

The margin is the signed distance of the projected center of mass from the border of the support
polygon, the convex hull of all points of contact seen from above (static stability margin, McGhee
and Frank 1968): positive inside. It says whether a posture could be held still; a walking robot
leaves it in every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.mujoco import compile_robot, import_mujoco


def support_margins(
    com_m: Float[np.ndarray, "time 3"],
    points_m: Float[np.ndarray, "time point 3"],
    is_contact: Bool[np.ndarray, "time point"],
) -> Float[np.ndarray, " time"]:
    """Signed distance of the center of mass to the border of the support, seen from above [m].

    Positive inside the convex hull of the points in contact, negative outside; with one or two
    points in contact it is never positive. NaN in flight and where something is unknown.

    Args:
        com_m: Center of mass, z up [m].
        points_m: Points that may be in contact, such as the corners of both soles [m].
        is_contact: Which of them are.
    """
    used = is_contact & np.isfinite(points_m).all(axis=2)
    out = np.full(len(com_m), np.nan)
    for t in np.flatnonzero(used.any(axis=1) & np.isfinite(com_m).all(axis=1)):
        out[t] = polygon_margin(com_m[t, :2], convex_hull(points_m[t, used[t], :2]))
    return out


def convex_hull(points: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "corner 2"]:
    """Corners of the convex hull, counter-clockwise, without points on its edges.

    Andrew's monotone chain; one or two corners where all points coincide or lie on a line.
    """
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return ordered
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return np.array(lower[:-1] + upper[:-1])


def polygon_margin(point: Float[np.ndarray, " 2"], corners: Float[np.ndarray, "corner 2"]) -> float:
    """Signed distance of a point to the border of a convex polygon, positive inside.

    Args:
        point: The point.
        corners: Corners counter-clockwise, as `convex_hull` gives them; at least one.
    """
    start, edge = corners, np.roll(corners, -1, axis=0) - corners
    offset = point - start
    length2 = np.maximum((edge**2).sum(axis=1), 1e-300)
    along = np.clip((offset * edge).sum(axis=1) / length2, 0.0, 1.0)
    distance = float(np.linalg.norm(offset - along[:, None] * edge, axis=1).min())
    turn = edge[:, 0] * offset[:, 1] - edge[:, 1] * offset[:, 0]
    is_inside = len(corners) >= 3 and bool((turn >= 0.0).all())
    return distance if is_inside else -distance


def edges_of(
    corners: Float[np.ndarray, "corner 2"], margin_m: float
) -> tuple[Float[np.ndarray, "corner 2"], Float[np.ndarray, " corner"]]:
    """Outward normals of a convex polygon's edges, and how far along them the edges lie [m].

    Args:
        corners: Corners counter-clockwise, as `convex_hull` gives them; at least three.
        margin_m: How far the edges are moved inwards [m], at most to the polygon's middle.
    """
    edge = np.roll(corners, -1, axis=0) - corners
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    offset = (normal * corners).sum(axis=1)
    inside = (normal * corners.mean(axis=0)).sum(axis=1)
    return normal, np.maximum(offset - margin_m, inside)


def center_of_mass(path: Path, qpos: Float[np.ndarray, "time qpos"]) -> Float[np.ndarray, "time 3"]:
    """Center of mass of all of a robot's bodies in the world, by MuJoCo [m].

    Args:
        path: URDF or MJCF file.
        qpos: MuJoCo's positions: for a floating robot x y z, quaternion wxyz, then joints.

    Raises:
        RobotError: The file cannot be read, or has another number of positions.
    """
    mujoco = import_mujoco()
    model = compile_robot(path)
    if qpos.shape[1] != model.nq:
        raise RobotError(f"{path} has {model.nq} positions (qpos), got {qpos.shape[1]} per frame")
    data = mujoco.MjData(model)
    out = np.empty((len(qpos), 3))
    for t, row in enumerate(qpos):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        out[t] = data.subtree_com[0]
    return out


def robot_center_of_mass(
    path: Path,
    joint_values: Float[np.ndarray, "time joint"],
    joint_names: Sequence[str],
    *,
    root_xyz_m: Float[np.ndarray, "time 3"],
    root_quat: Float[np.ndarray, "time 4"],
) -> Float[np.ndarray, "time 3"]:
    """Center of mass in the world of a robot given by its joints and its root's pose [m].

    Works for files with and without a free joint. Joints that are not named stay at the value
    that the file starts with.

    Args:
        path: URDF or MJCF file.
        joint_values: Values of the named joints [rad or m].
        joint_names: Their names in the file.
        root_xyz_m: Position of the file's root link [m].
        root_quat: Its rotation, quaternion wxyz.

    Raises:
        RobotError: The file cannot be read, or lacks a named joint.
    """
    model = compile_robot(path)
    qpos = np.tile(model.qpos0, (len(joint_values), 1))
    has_root = model.njnt > 0 and int(model.jnt_type[0]) == 0
    for column, name in enumerate(joint_names):
        qpos[:, joint_address(model, name, path)] = joint_values[:, column]
    if has_root:
        qpos[:, :3], qpos[:, 3:7] = root_xyz_m, root_quat
        return center_of_mass(path, qpos)
    from rotoscope.pipeline.geometry import se3

    T_world_root = se3.make(se3.matrix_from_quat(root_quat), root_xyz_m)
    return se3.apply(T_world_root, center_of_mass(path, qpos)[:, None])[:, 0]


def joint_address(model: object, name: str, path: Path) -> int:
    """Where a joint's value stands in MuJoCo's `qpos`.

    Raises:
        RobotError: No such hinge or slide.
    """
    mujoco = import_mujoco()
    found = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name)
    if found < 0:
        valid = [model.joint(j).name for j in range(model.njnt)]  # type: ignore[attr-defined]
        raise RobotError(f"{path} has no joint {name!r}; it has {', '.join(valid)}")
    return int(model.jnt_qposadr[found])  # type: ignore[attr-defined]


def _chain(points: Float[np.ndarray, "point 2"]) -> list[Float[np.ndarray, " 2"]]:
    chain: list[Float[np.ndarray, " 2"]] = []
    for point in points:
        while len(chain) >= 2:
            (ax, ay), (bx, by) = chain[-1] - chain[-2], point - chain[-2]
            if ax * by - ay * bx > 1e-15:
                break
            chain.pop()
        chain.append(point)
    return chain
