"""Arms with different bodies that do the same kind of thing before the same camera, filmed small.

The gripper points down and moves between random places of one box in front of the base, by
minimum-jerk moves (Flash and Hogan 1985); at some of them it opens or closes. An action is how far
the end effector goes until the next row, in the base frame, and how far open the gripper is then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from benchmarks._reaches import progress
from benchmarks.labelers.code import syntax_hash
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.description.mujoco import body_pose
from rotoscope.retarget.rendering.offscreen import Offscreen, View
from rotoscope.retarget.rendering.scene import robot_scene
from rotoscope.retarget.rendering.views import view_from
from rotoscope.retarget.robots.arm import ArmRobot, load_arm

RATE_HZ, SIDE_PX = 10.0, 64
CAMERA = "observation.images.side"
_LOW_M, _HIGH_M = np.array([0.30, -0.18, 0.08]), np.array([0.45, 0.18, 0.28])
"""The box that every arm here reaches with its gripper pointing down [m]."""
_SEEN_FROM, _SEEN_M = np.array([0.9, 0.8, 0.45]), 0.9
"""Direction towards the camera, and how much of the world a picture shows [m]."""
_DOWN = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""The end effector's frame: x is the approach, y the closing direction."""
_TOLERANCE_M = 2e-3
"""How near the arm must come to what it is asked to do [m]."""


@dataclass(frozen=True, eq=False)
class Filmed:
    """Episodes of one arm."""

    robot: str
    """Its name in `configs/robots`."""
    images: UInt8[np.ndarray, "episode time 64 64 3"]
    """What the camera saw."""
    p_m: Float[np.ndarray, "episode time 3"]
    """Where the end effector was in the base frame [m]."""
    opening01: Float[np.ndarray, "episode time"]
    """How far open the gripper was, 0..1."""

    @property
    def actions(self) -> Float[np.ndarray, "episode time 4"]:
        """What was done from each row on; NaN at the last."""
        moved = np.diff(self.p_m, axis=1)
        done = np.concatenate([moved, self.opening01[:, 1:, None]], axis=2)
        return np.concatenate([done, np.full_like(done[:, :1], np.nan)], axis=1)

    def labeled(self, which: Sequence[int]) -> LabeledSet:
        """Some episodes as the product reads them from a dataset."""
        time_s = np.arange(self.images.shape[1]) / RATE_HZ
        episodes = [
            LabeledEpisode(
                name=f"{self.robot} {i}",
                time_s=time_s,
                features=np.zeros((len(time_s), 0)),
                images=self.images[i],
                actions=self.actions[i],
                valid=np.arange(len(time_s)) < len(time_s) - 1,
                state=np.concatenate([self.p_m[i], self.opening01[i][:, None]], axis=1),
            )
            for i in which
        ]
        return LabeledSet(tuple(episodes), contract(), camera=CAMERA, image_size=(SIDE_PX, SIDE_PX))


def contract() -> ActionContract:
    """What an action means; the same for every arm."""
    moves = [Dimension(name=f"ee.d{axis}", quantity="position", unit="m") for axis in "xyz"]
    opening = Dimension(name="ee.opening", quantity="gripper", unit="1", lower=0, upper=1)
    return ActionContract(
        robot="any arm",
        dimensions=(*moves, opening),
        frame="base: x forward, y left, z up",
        rotation="none",
        rate_hz=RATE_HZ,
        shift_s=0,
        is_state=False,
    )


def filmed(robot: str, folder: Path, *, num: int, rows: int) -> Filmed:
    """Episodes of an arm, made and filmed the first time.

    Args:
        robot: Its name in `configs/robots`.
        folder: Where they are kept.
        num: Episodes.
        rows: Rows of each.

    Raises:
        RuntimeError: The arm does not reach what it is asked to.
    """
    key = hashlib.sha256(f"{robot} {num} {rows} {syntax_hash(Path(__file__))}".encode())
    path = folder / "two_bodies" / f"{robot}-{key.hexdigest()[:16]}.npz"
    if not path.is_file():
        made = film(robot, num=num, rows=rows)
        kept = {name: getattr(made, name) for name in ("images", "p_m", "opening01")}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **kept)  # type: ignore[arg-type]  # numpy's own stub
    with np.load(path, allow_pickle=False) as stored:
        return Filmed(robot, stored["images"], stored["p_m"], stored["opening01"])


def film(robot: str, *, num: int, rows: int) -> Filmed:
    """Makes and films episodes; each arm moves in ways of its own.

    Raises:
        RuntimeError: The arm does not reach what it is asked to.
    """
    arm = load_arm(robot)
    ways = [wanted(generator_of(robot, i), rows) for i in range(num)]
    joints = _followed(arm, np.stack([p_m for p_m, _ in ways]))
    p_m = np.stack([arm.pose(row).p_m for row in joints])
    opening01 = np.stack([opening for _, opening in ways])
    middle_m = (_LOW_M + _HIGH_M) / 2
    view = view_from(_SEEN_FROM, middle_m, height_m=_SEEN_M, width=SIDE_PX, height=SIDE_PX)
    camera = _Camera(arm)
    try:
        images = np.stack(
            [
                [camera.picture(q, float(o), view) for q, o in zip(*episode, strict=True)]
                for episode in zip(joints, opening01, strict=True)
            ]
        )
    finally:
        camera.close()
    return Filmed(robot, images, p_m, opening01)


class _Camera:
    """Pictures of an arm without shadows, which would take nearly all of the time."""

    def __init__(self, arm: ArmRobot) -> None:
        import mujoco

        model = robot_scene(arm)
        model.vis.quality.shadowsize = 0
        model.light_castshadow[:] = 0
        self._arm, self._data = arm, mujoco.MjData(model)
        self._set(arm.locked)
        mujoco.mj_kinematics(model, self._data)
        self._T_world_base = body_pose(self._data, arm.base_link)
        self._offscreen = Offscreen(model, self._data)

    def picture(
        self, joints: Float[np.ndarray, " joint"], opening01: float, view: View
    ) -> UInt8[np.ndarray, "64 64 3"]:
        """What is seen with these joints and this opening."""
        moved = dict(zip(self._arm.joint_names, joints, strict=True))
        self._set(moved | self._arm.finger_joints(opening01))
        return self._offscreen.draw(view, self._T_world_base, width=SIDE_PX, height=SIDE_PX)

    def close(self) -> None:
        """Releases the drawing context."""
        self._offscreen.close()

    def _set(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._data.joint(name).qpos[:] = value


def generator_of(robot: str, episode: int) -> np.random.Generator:
    """What an episode's places and times are drawn from."""
    seed = int.from_bytes(hashlib.sha256(robot.encode()).digest()[:4], "little")
    return np.random.default_rng([seed, episode])


def wanted(
    rng: np.random.Generator, rows: int
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, " time"]]:
    """Where the end effector is to be [m], and how far open the gripper."""
    here, opening = rng.uniform(_LOW_M, _HIGH_M), float(rng.random() < 0.5)
    places, openings = [here], [opening]
    while len(places) < rows:
        target = rng.uniform(_LOW_M, _HIGH_M)
        moves = progress(int(rng.integers(7, 15)))
        places += [here + (target - here) * s for s in moves]
        openings += [opening] * len(moves)
        here = target
        if rng.random() < 0.6:
            turns = progress(5)
            openings += [opening + (1 - 2 * opening) * s for s in turns]
            places += [here] * len(turns)
            opening = 1 - opening
    return np.array(places[:rows]), np.array(openings[:rows])


def _followed(
    arm: ArmRobot, p_m: Float[np.ndarray, "episode time 3"]
) -> Float[np.ndarray, "episode time joint"]:
    """Joint values, each row near the one before it."""
    num, rows = p_m.shape[:2]
    # Fingers that change sides look the same: the way round that is nearer to the home pose.
    home = arm.pose(arm.home[None]).R[0]
    down = max(_DOWN, _DOWN * [1.0, -1.0, -1.0], key=lambda R: float(np.trace(home.T @ R)))
    R = np.broadcast_to(down, (num, 3, 3))
    joints = np.broadcast_to(arm.home, (num, len(arm.home)))
    out = []
    for row in range(rows):
        joints = solve_poses(arm, R, p_m[:, row], joints, num_steps=12 if row else 100)
        out.append(joints)
    found = np.stack(out, axis=1)
    missed_m = np.linalg.norm(np.stack([arm.pose(one).p_m for one in found]) - p_m, axis=2).max()
    if missed_m > _TOLERANCE_M:
        raise RuntimeError(f"{arm.name} misses what it is asked to do by {1e3 * missed_m:.0f} mm")
    return found
