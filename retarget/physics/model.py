"""A robot file as a MuJoCo model that can be let go: floor, PD actuators, torque limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Mimic
from rotoscope.retarget.description.mujoco import import_mujoco, robot_spec
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.physics.gains import OwnActuator, own_actuators, pd_gains, torque_limits
from rotoscope.retarget.physics.settings import PhysicsSettings, Root, Step

FLOOR = "physics floor"
"""Name of the floor; those of the steps begin with it."""
_HALF_PLATE_M = 0.01
"""Half the thickness of a step: only its top is known, and legs may swing past below it."""


@dataclass(frozen=True, eq=False)
class PhysicsModel:
    """A compiled robot, and how its joints are driven."""

    model: Any
    """The `mujoco.MjModel`; actuator k drives joint k of `joint_names`."""
    joint_names: tuple[str, ...]
    """All hinges and slides, in the order of the actuators."""
    qpos_index: Int[np.ndarray, " joint"]
    """Where each joint's value stands in `qpos`."""
    dof_index: Int[np.ndarray, " joint"]
    """Where its velocity stands in `qvel`."""
    kp: Float[np.ndarray, " joint"]
    """Proportional gain [N m/rad or N/m]."""
    kd: Float[np.ndarray, " joint"]
    """Derivative gain [N m s/rad or N s/m]."""
    max_effort: Float[np.ndarray, " joint"]
    """Torque or force limit [N m or N]; inf where none is stated."""
    is_own: Bool[np.ndarray, " joint"]
    """Whether gains and limit are those of an actuator of the file."""
    mimics: dict[str, Mimic]
    """Joints of a URDF that follow another; MJCF's are constraints of the model itself."""
    root_body: int
    """Body that moves in the world, or that the bolted robot stands on."""
    mass_kg: float
    """Mass of the whole robot [kg]."""

    def reference(
        self, joint_values: Float[np.ndarray, "time column"], columns: Sequence[str]
    ) -> Float[np.ndarray, "time joint"]:
        """Wanted values of all joints [rad or m]: given, following another, or at rest.

        Raises:
            RobotError: A column names no joint of the robot.
        """
        unknown = sorted(set(columns) - set(self.joint_names))
        if unknown:
            raise RobotError(
                f"the robot file has no joints {unknown}; it has {quoted(self.joint_names)}"
            )
        place = {name: k for k, name in enumerate(columns)}
        rest = self.model.qpos0[self.qpos_index]
        out = np.tile(rest, (len(joint_values), 1))
        for j, name in enumerate(self.joint_names):
            if name in place:
                out[:, j] = joint_values[:, place[name]]
        for j, name in enumerate(self.joint_names):
            mimic = self.mimics.get(name)
            if name not in place and mimic is not None:
                followed = out[:, self.joint_names.index(mimic.joint)]
                out[:, j] = mimic.multiplier * followed + mimic.offset
        return out


def build_physics_model(
    path: Path,
    root: Root,
    settings: PhysicsSettings | None = None,
    *,
    steps: Sequence[Step] = (),
    prepare: Callable[[Any], None] = lambda spec: None,
    max_effort: float | None = None,
    spec: Any = None,
    own: Mapping[str, OwnActuator] | None = None,
    efforts: Mapping[str, float] | None = None,
) -> PhysicsModel:
    """A robot that can be simulated: with a floor at z = 0 and a PD actuator on every joint.

    Actuators, sensors and keyframes of the file are dropped; gains and limits of its position
    actuators are kept. A floating robot whose file has no free joint gets one at its root. The
    floor is the only thing that touches the robot unless self collisions are asked for; a bolted
    robot gets none, because nobody knows how high it stands.

    Args:
        path: URDF or MJCF file.
        root: How the root is held.
        settings: Gains where the file states none, friction, self collision.
        steps: What stands on the floor.
        prepare: Told of the scene before it is compiled, to add to it.
        max_effort: No joint gives more than this [N m or N], whatever the file states.
        spec: The robot, where it is made of more than the file alone; no joint of it follows
            another. It is changed.
        own: Its position actuators by joint, with `spec`.
        efforts: Torque limits by joint that hold in place of the file's [N m or N].

    Raises:
        RobotError: The file cannot be read, has no joints, or a floating robot has no geometry
            that could touch the floor.
    """
    settings = settings or PhysicsSettings()
    mujoco, is_file = import_mujoco(), spec is None
    spec = robot_spec(path, geometry="collision") if is_file else spec
    own = own_actuators(path) if own is None else own
    for element in (*spec.actuators, *spec.sensors, *spec.keys):
        spec.delete(element)
    spec.option.timestep = settings.timestep_s
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    _hold_root(mujoco, spec, path, root)
    if root != "bolted":
        _add_floor(mujoco, spec, settings, steps)
    names = tuple(j.name for j in spec.joints if j.type in _moving_types(mujoco))
    if not names:
        raise RobotError(f"{path} has no hinge or slide; there is nothing to track")
    for name in names:
        actuator = spec.add_actuator(name=f"pd {name}", target=name)
        actuator.trntype = mujoco.mjtTrn.mjTRN_JOINT
        actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        # The file's defaults for actuators would hold for these too.
        actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE
        actuator.gear[:] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        actuator.gainprm[0] = 1.0
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = [-1.0, 1.0]
    prepare(spec)
    try:
        model = spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot simulate {path}: {error}") from error
    joints = np.array([model.joint(name).id for name in names])
    limits = _torque_limits(model, joints, own, efforts or {}, max_effort)
    dofs = model.jnt_dofadr[joints]
    rotor = settings.rotor_inertia_s2 * np.where(np.isfinite(limits), limits, 0.0)
    has_rotor = model.dof_armature[dofs] > 0
    model.dof_armature[dofs] = np.where(has_rotor, model.dof_armature[dofs], rotor)
    kp, kd = pd_gains(model, joints, limits, own, settings)
    model.actuator_biasprm[:, 1], model.actuator_biasprm[:, 2] = -kp, -kd
    bounds = np.where(np.isfinite(limits), limits, 1e9)
    model.actuator_forcerange[:] = np.column_stack([-bounds, bounds])
    if root != "bolted" and not _can_touch(model):
        raise RobotError(
            f"{path} has no collision geometry that MuJoCo reads: it would fall through the "
            "floor; give the links <collision> shapes, or meshes as STL or OBJ"
        )
    has_mimics = is_file and model.neq == 0
    described = read_description(path).joints.values() if has_mimics else ()
    mimics = {joint.name: joint.mimic for joint in described if joint.mimic is not None}
    return PhysicsModel(
        model=model,
        joint_names=names,
        qpos_index=model.jnt_qposadr[joints].copy(),
        dof_index=dofs.copy(),
        kp=kp,
        kd=kd,
        max_effort=limits,
        is_own=np.array([name in own for name in names]),
        mimics=mimics,
        root_body=1,
        mass_kg=float(model.body_mass.sum()),
    )


def _torque_limits(
    model: Any,
    joints: Int[np.ndarray, " joint"],
    own: Mapping[str, OwnActuator],
    efforts: Mapping[str, float],
    max_effort: float | None,
) -> Float[np.ndarray, " joint"]:
    """Torque limits [N m or N]: those given, else the file's, and none over the largest.

    MuJoCo clamps joints by the file's own limits too, which therefore make way.
    """
    limits = torque_limits(model, joints)
    for k, joint in enumerate(joints):
        name = model.joint(int(joint)).name
        if name in efforts:
            limits[k] = efforts[name]
            model.jnt_actfrcrange[joint] = -efforts[name], efforts[name]
        elif name in own:
            limits[k] = min(limits[k], own[name].max_effort)
    return limits if max_effort is None else np.minimum(limits, max_effort)


def _moving_types(mujoco: Any) -> tuple[Any, Any]:
    return (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE)


def _hold_root(mujoco: Any, spec: Any, path: Path, root: Root) -> None:
    """Gives the robot the root it shall have: free, moved from outside, or bolted."""
    tops = list(spec.worldbody.bodies)
    if not tops:
        # A URDF whose root link has no inertia hangs its joints on the world itself.
        raise RobotError(f"{path} has no body; a robot needs at least one link with a mass")
    if root != "bolted" and len(tops) > 1:
        raise RobotError(
            f"{path} has {len(tops)} bodies that hang on the world: "
            f"{quoted(body.name for body in tops)}; a robot that moves needs one root link with a "
            "mass, on which everything hangs"
        )
    free = [j for j in spec.joints if j.type == mujoco.mjtJoint.mjJNT_FREE]
    if root in ("free", "assisted"):
        if not free:
            tops[0].add_freejoint()
        return
    for joint in free:
        spec.delete(joint)
    if root == "fixed":
        tops[0].mocap = True


def _add_floor(mujoco: Any, spec: Any, settings: PhysicsSettings, steps: Sequence[Step]) -> None:
    for geom in list(spec.worldbody.geoms):
        if geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            spec.delete(geom)
    for geom in spec.geoms:
        is_solid = geom.contype or geom.conaffinity
        if is_solid and not settings.self_collision:
            geom.contype, geom.conaffinity = 0, 1
    floors = [
        spec.worldbody.add_geom(name=FLOOR, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.01])
    ]
    for number, step in enumerate(steps):
        floors.append(
            spec.worldbody.add_geom(
                name=f"{FLOOR} step {number}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                size=[step.half_size_m, step.half_size_m, _HALF_PLATE_M],
                pos=[step.x_m, step.y_m, step.height_m - _HALF_PLATE_M],
            )
        )
    for floor in floors:
        floor.contype, floor.conaffinity, floor.condim, floor.priority = 1, 1, 3, 1
        floor.friction = [settings.friction, 0.005, 0.0001]


def floor_geoms(model: Any) -> list[int]:
    """Indices of the floor and the steps on it."""
    return [g for g in range(model.ngeom) if model.geom(g).name.startswith(FLOOR)]


def _can_touch(model: Any) -> bool:
    on_robot = model.geom_bodyid > 0
    return bool((on_robot & ((model.geom_conaffinity | model.geom_contype) > 0)).any())


def link_positions(
    path: Path,
    links: Sequence[str],
    root_xyz_m: Float[np.ndarray, "link 3"],
    root_R: Float[np.ndarray, "link 3 3"],
    joint_values: Float[np.ndarray, "link joint"],
    joint_names: Sequence[str],
) -> Float[np.ndarray, "link 3"]:
    """Where links of a floating robot are in the world, each in a posture of its own [m].

    Raises:
        RobotError: The file cannot be read, or has no such link.
    """
    mujoco = import_mujoco()
    robot = build_physics_model(path, "free")
    data = mujoco.MjData(robot.model)
    wanted = robot.reference(joint_values, joint_names)
    out = np.empty((len(links), 3))
    for k, link in enumerate(links):
        data.qpos[:3], data.qpos[3:7] = root_xyz_m[k], se3.quat_from_matrix(root_R[k])
        data.qpos[robot.qpos_index] = wanted[k]
        mujoco.mj_kinematics(robot.model, data)
        body = mujoco.mj_name2id(robot.model, mujoco.mjtObj.mjOBJ_BODY, link)
        if body < 0:
            raise RobotError(f"{path} has no link {link!r}, which is named as a foot")
        out[k] = data.xpos[body]
    return out


def world_pose(data: Any, body: int) -> Float[np.ndarray, "4 4"]:
    """Where a body is in the world [m]."""
    return se3.make(data.xmat[body].reshape(3, 3).copy(), data.xpos[body].copy())
