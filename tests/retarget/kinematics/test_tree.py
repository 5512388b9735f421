"""Kinematics of branching robots, against MuJoCo and against differences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_robots import humanoid_urdf, random_urdf
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.mujoco import body_pose, compile_robot, import_mujoco
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree

SEEDS = st.integers(0, 10_000)


def described(text: str, folder: Path) -> Description:
    path = folder / "robot.urdf"
    path.write_text(text)
    return read_description(path)


def whole_tree(description: Description, **options: object) -> KinematicTree:
    free = [j.name for j in description.joints.values() if j.mimic is None and j.kind != "fixed"]
    offset = (0.02, -0.03, 0.05)
    frames = [Frame.at(link, offset) for link in description.links]
    return KinematicTree(description, columns=free, locked={}, frames=frames, **options)  # type: ignore[arg-type]


def configurations(tree: KinematicTree, seed: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, (count, tree.num_columns))


@given(seed=SEEDS)
@settings(max_examples=15)
def test_poses_agree_with_mujoco_on_random_trees(seed, tmp_path_factory):
    description = described(random_urdf(seed), tmp_path_factory.mktemp("tree"))
    tree = whole_tree(description)
    mujoco = import_mujoco()
    model = compile_robot(description.path)
    data = mujoco.MjData(model)
    x = configurations(tree, seed)
    reached = tree.forward_kinematics(x)
    for t, values in enumerate(x):
        columns = dict(zip(tree.columns, values, strict=True))
        for name in description.joints:
            link = description.resolve_mimic(name)
            data.joint(name).qpos[:] = link.value_at(columns[link.joint])
        mujoco.mj_kinematics(model, data)
        for m, name in enumerate(description.links):
            T = body_pose(data, name) @ Frame.at(name, (0.02, -0.03, 0.05)).T_link_frame
            np.testing.assert_allclose(reached.p_m[t, m], T[:3, 3], atol=1e-12)
            np.testing.assert_allclose(reached.R[t, m], T[:3, :3], atol=1e-12)


@given(seed=SEEDS, is_floating=st.booleans())
@settings(max_examples=10)
def test_jacobian_agrees_with_central_differences(seed, is_floating, tmp_path_factory):
    description = described(random_urdf(seed), tmp_path_factory.mktemp("tree"))
    tree = whole_tree(description, is_floating=is_floating)
    x = configurations(tree, seed, count=2)
    R = se3.exp_so3(np.random.default_rng(seed).normal(size=(2, 3)))
    reached = tree.forward_kinematics(x, R, jacobian=True)
    step = 1e-6
    for column in range(tree.num_columns):
        shift = step * np.eye(tree.num_columns)[column]
        ahead, behind = tree.forward_kinematics(x + shift, R), tree.forward_kinematics(x - shift, R)
        moved = (ahead.p_m - behind.p_m) / (2 * step)
        turned = se3.log_so3(ahead.R @ np.swapaxes(behind.R, -1, -2)) / (2 * step)
        # Central differences of a step of 1e-6 lose half of the 16 digits.
        np.testing.assert_allclose(reached.J_p[:, column], moved, atol=1e-7)
        np.testing.assert_allclose(reached.J_w[:, column], turned, atol=1e-7)


def test_follower_moves_as_its_file_says(tmp_path):
    description = described(random_urdf(3), tmp_path)
    follower = next(j for j in description.joints.values() if j.mimic is not None)
    tree = whole_tree(description)
    link = description.resolve_mimic(follower.name)
    column = tree.columns.index(link.joint)
    locked = KinematicTree(
        description,
        columns=[name for name in tree.columns if name != link.joint],
        locked={link.joint: 0.7},
        frames=[Frame.at(name, (0.02, -0.03, 0.05)) for name in description.links],
    )
    x = configurations(tree, 1)
    x[:, column] = 0.7
    rest = np.delete(x, column, axis=1)
    np.testing.assert_allclose(
        tree.forward_kinematics(x).p_m, locked.forward_kinematics(rest).p_m, atol=1e-12
    )


@pytest.mark.parametrize("is_floating", [False, True])
def test_torch_gives_what_numpy_gives(is_floating, tmp_path):
    description = described(humanoid_urdf(), tmp_path)
    tree = whole_tree(description, is_floating=is_floating)
    x = configurations(tree, 5)
    R = se3.exp_so3(np.random.default_rng(5).normal(size=(len(x), 3)))
    ours = tree.forward_kinematics(x, R, jacobian=True)
    theirs = tree.forward_kinematics(torch.from_numpy(x), torch.from_numpy(R), jacobian=True)
    for name in ("p_m", "R", "J_p", "J_w"):
        np.testing.assert_allclose(
            getattr(theirs, name).numpy(), getattr(ours, name), atol=1e-12, err_msg=name
        )


def test_floating_base_carries_everything_with_it(tmp_path):
    description = described(humanoid_urdf(), tmp_path)
    fixed, floating = whole_tree(description), whole_tree(description, is_floating=True)
    q = configurations(fixed, 7)
    base = np.random.default_rng(7).normal(size=(len(q), 6))
    R_reference = se3.exp_so3(np.random.default_rng(8).normal(size=(len(q), 3)))
    R_base = se3.exp_so3(base[:, 3:]) @ R_reference
    reached = floating.forward_kinematics(np.concatenate([base, q], axis=1), R_reference)
    wanted = fixed.forward_kinematics(q).p_m @ np.swapaxes(R_base, 1, 2) + base[:, None, :3]
    np.testing.assert_allclose(reached.p_m, wanted, atol=1e-12)


def test_joint_that_is_neither_free_nor_held_is_an_error(tmp_path):
    description = described(humanoid_urdf(), tmp_path)
    with pytest.raises(RobotError, match="'waist' moves a point that is followed, but is no free"):
        KinematicTree(description, columns=[], locked={}, frames=[Frame.at("chest")])


def test_mark_off_the_root_is_an_error(tmp_path):
    description = described(humanoid_urdf(), tmp_path)
    with pytest.raises(RobotError, match="'pelvis' does not hang on base link 'chest'"):
        KinematicTree(
            description, columns=["waist"], locked={}, frames=[Frame.at("pelvis")], root="chest"
        )
