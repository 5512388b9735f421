"""MJCF robots as the same tree of links and joints that a URDF gives, read through MuJoCo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import (
    Description,
    Joint,
    JointKind,
    Mass,
    joint_motion,
)
from rotoscope.retarget.description.mjcf_couplings import (
    Couplings,
    read_couplings,
    shared_motors,
    shared_ranges,
)
from rotoscope.retarget.description.mujoco import compile_robot, import_mujoco

MIN_HINGES = 3
"""So few hinges may all turn by a few degrees only."""


def read_mjcf(path: Path) -> Description:
    """The tree in an MJCF file.

    A body with a free joint becomes a root: the world above it is left out. A body with several
    hinges or slides becomes as many links, of which the last carries the body's name. Active
    equality constraints between two joints become mimic joints, those on one joint fix it.

    Things that lie about beside a robot are left out.

    Raises:
        RobotError: MuJoCo refuses the file, its limits are in another unit than it says, or it has
            a ball joint, a joint without a name, or a constraint that a tree of joints cannot keep.
    """
    mujoco = import_mujoco()
    model = compile_robot(path)
    _require_degrees(path, mujoco, model)
    couplings = read_couplings(path, mujoco, model)
    free = int(mujoco.mjtJoint.mjJNT_FREE)
    links, joints = [], {}
    loose = _loose_bodies(mujoco, model)
    floats = any(
        int(model.jnt_type[j]) == free and int(model.jnt_bodyid[j]) not in loose
        for j in range(model.njnt)
    )
    for b in range(model.nbody):
        if b in loose:
            continue
        body = model.body(b)
        first, count = int(body.jntadr[0]), int(body.jntnum[0])
        is_root = count == 1 and int(model.jnt_type[first]) == free
        if b == 0 and floats:
            continue
        if b > 0 and not is_root:
            for joint in _joints_of(path, mujoco, model, b, couplings):
                joints[joint.name] = joint
                links.append(joint.child)
        else:
            links.append(_name_of(model, b))
    hanging = {joint.parent for joint in joints.values()}
    if "world" in hanging and "world" not in links:
        links.insert(0, "world")
    masses = {
        _name_of(model, b): Mass(float(model.body_mass[b]), tuple(model.body_ipos[b].tolist()))
        for b in range(1, model.nbody)
        if model.body_mass[b] > 0.0 and b not in loose
    }
    shared = shared_motors(mujoco, model), shared_ranges(mujoco, model)
    return Description(path, tuple(links), joints, masses, *shared)


def _joints_of(path: Path, mujoco: Any, model: Any, b: int, couplings: Couplings) -> list[Joint]:
    """The joints that connect a body to its parent, outermost last."""
    body, name = model.body(b), _name_of(model, b)
    parent = _name_of(model, int(body.parentid[0]))
    T = se3.make(se3.matrix_from_quat(model.body_quat[b]), model.body_pos[b])
    first, count = int(body.jntadr[0]), int(body.jntnum[0])
    if count == 0:
        return [Joint(f"{name} (fixed)", "fixed", parent, name, T, np.eye(3)[2], np.zeros(3))]
    out = []
    for k in range(first, first + count):
        joint = model.joint(k)
        kind = _kind_of(path, mujoco, name, joint)
        child = name if k == first + count - 1 else f"{name} ({joint.name})"
        if not joint.name:
            raise RobotError(
                f"{path}: body {name!r} has a joint without a name; name it, for actions are "
                "told apart by the names of joints"
            )
        zero = -float(model.qpos0[joint.qposadr[0]])
        held = couplings.locks.get(k)
        is_limited = bool(model.jnt_limited[k])
        has_effort = bool(model.jnt_actfrclimited[k])
        out.append(
            Joint(
                name=joint.name,
                kind=kind if held is None else "fixed",
                parent=parent,
                child=child,
                # MuJoCo's bodies stand where the joint is at `ref`, ours where it is at zero.
                T_parent_child=T
                @ joint_motion(
                    kind, np.array(joint.axis), np.array(joint.pos), zero + (held or 0.0)
                ),
                axis=np.array(joint.axis),
                anchor_m=np.array(joint.pos),
                lower=float(joint.range[0]) if is_limited else -math.inf,
                upper=float(joint.range[1]) if is_limited else math.inf,
                max_effort=float(model.jnt_actfrcrange[k, 1]) if has_effort else math.inf,
                mimic=couplings.mimics.get(k),
            )
        )
        parent, T = child, np.eye(4)
    return out


def _loose_bodies(mujoco: Any, model: Any) -> set[int]:
    """Bodies of things that move freely and have no joints of their own, where a robot has some."""
    is_free = model.jnt_type == int(mujoco.mjtJoint.mjJNT_FREE)
    if is_free.all():
        return set()
    roots = {int(model.body_rootid[b]) for b in model.jnt_bodyid[is_free]}
    jointed = {int(model.body_rootid[b]) for b in model.jnt_bodyid[~is_free]}
    return {b for b in range(1, model.nbody) if int(model.body_rootid[b]) in roots - jointed}


def _require_degrees(path: Path, mujoco: Any, model: Any) -> None:
    """Refuses a file whose limits in radians are read as degrees, as MJCF does unless told."""
    is_hinge = (model.jnt_type == int(mujoco.mjtJoint.mjJNT_HINGE)) & (model.jnt_limited > 0)
    ranges = np.ptp(model.jnt_range[is_hinge], axis=1)
    if len(ranges) >= MIN_HINGES and ranges.max() <= math.radians(math.tau):
        raise RobotError(
            f"{path}: none of its {len(ranges)} hinges turns by more than "
            f"{math.degrees(ranges.max()):.3g} degrees: the limits are radians that are read as "
            'degrees; write <compiler angle="radian"/> into it'
        )


def _name_of(model: Any, b: int) -> str:
    """A body's name, one made up where the file gives none."""
    return str(model.body(b).name) or f"(body {b})"


def _kind_of(path: Path, mujoco: Any, body: str, joint: Any) -> JointKind:
    kinds: dict[int, JointKind] = {
        int(mujoco.mjtJoint.mjJNT_HINGE): "revolute",
        int(mujoco.mjtJoint.mjJNT_SLIDE): "prismatic",
    }
    found = int(joint.type[0])
    if found not in kinds:
        raise RobotError(
            f"{path}: body {body!r} has the joint {joint.name!r} of type "
            f"{mujoco.mjtJoint(found).name}; only hinges and slides can be retargeted to, and a "
            "free joint only where it stands alone"
        )
    return kinds[found]
