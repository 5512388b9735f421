"""MJCF files: the same tree as MuJoCo's own, and what cannot be told apart is refused."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.mujoco import body_pose, compile_robot, import_mujoco
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree

ARM = """<mujoco><compiler angle="radian"/><worldbody>
<body name="upper" pos="0 0 0.2">
  <joint {first} pos="0.01 0.02 0" axis="0 0 1" range="-2 2" ref="0.3"/>
  <joint name="tilt" axis="0 1 0" range="-1 1" ref="-0.2"/><geom size=".1" mass="1"/>
  <body {second} pos="1 0 0" quat="0.9 0.1 0.3 0">
    <joint name="bend" axis="0.6 0.8 0" range="-3 3" ref="0.1"/><geom size=".1" mass="1"/>
    <body name="tip" pos="0 0 0.5"><geom size=".1" mass="1"/></body></body></body>
</worldbody><equality>{ties}</equality></mujoco>"""
TIED = '<joint joint1="bend" joint2="turn" polycoef="0.05 -1.5 {curve} 0 0"/>'


def written(folder: Path, *, first='name="turn"', second='name="fore"', ties="") -> Path:
    path = folder / "arm.xml"
    path.write_text(ARM.format(first=first, second=second, ties=ties))
    return path


@pytest.mark.parametrize("is_tied", [False, True])
def test_links_are_where_mujoco_has_them_counted_from_ref(is_tied, tmp_path):
    path = written(tmp_path, ties=TIED.format(curve=0) if is_tied else "")
    columns = ["turn", "tilt"] if is_tied else ["turn", "tilt", "bend"]
    frames = [Frame.at(link) for link in ("upper", "fore", "tip")]
    tree = KinematicTree(read_description(path), columns=columns, locked={}, frames=frames)
    mujoco = import_mujoco()
    model = compile_robot(path)
    data = mujoco.MjData(model)
    for x in np.random.default_rng(0).uniform(-1, 1, (5, len(columns))):
        values = dict(zip(columns, x, strict=True))
        if is_tied:
            # y - y0 = a0 + a1 (x - x0), with both references.
            values["bend"] = 0.1 + 0.05 - 1.5 * (values["turn"] - 0.3)
        for name, value in values.items():
            data.joint(name).qpos[:] = value
        mujoco.mj_kinematics(model, data)
        reached = tree.forward_kinematics(x[None])
        for m, link in enumerate(("upper", "fore", "tip")):
            T = body_pose(data, link)
            np.testing.assert_allclose(reached.p_m[0, m], T[:3, 3], atol=1e-12)
            np.testing.assert_allclose(reached.R[0, m], T[:3, :3], atol=1e-12)


def test_tie_is_what_mujocos_own_constraint_wants(tmp_path):
    path = written(tmp_path, ties=TIED.format(curve=0))
    mimic = read_description(path).joints["bend"].mimic
    mujoco = import_mujoco()
    model = compile_robot(path)
    data = mujoco.MjData(model)
    data.joint("turn").qpos[:] = 0.7
    data.joint("bend").qpos[:] = mimic.multiplier * 0.7 + mimic.offset
    mujoco.mj_forward(model, data)
    assert np.abs(data.efc_pos[: data.ne]).max() < 1e-12


def test_body_without_a_name_is_a_link_all_the_same(tmp_path):
    description = read_description(written(tmp_path, second=""))
    assert [j.name for j in description.path_between("world", "tip")][:3] == [
        "turn",
        "tilt",
        "bend",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": ""}, r"body 'upper' has a joint without a name; name it"),
        ({"ties": TIED.format(curve=0.4)}, r"'bend' follows 'turn' along a curve .*must be 0"),
    ],
)
def test_what_cannot_be_followed_is_named(change, message, tmp_path):
    with pytest.raises(RobotError, match=message):
        read_description(written(tmp_path, **change))


def test_ball_joint_is_refused(tmp_path):
    path = written(tmp_path)
    hinge = 'axis="0.6 0.8 0" range="-3 3" ref="0.1"'
    path.write_text(path.read_text().replace(hinge, 'type="ball"'))
    with pytest.raises(RobotError, match=r"joint 'bend' of type mjJNT_BALL; only hinges"):
        read_description(path)


LOCKED = '<joint joint1="bend" polycoef="0.4 0 0 0 0"/>'


def test_joint_held_at_a_value_stands_where_mujocos_own_constraint_wants_it(tmp_path):
    path = written(tmp_path, ties=LOCKED)
    description = read_description(path)
    assert description.joints["bend"].kind == "fixed"
    mujoco = import_mujoco()
    model = compile_robot(path)
    data = mujoco.MjData(model)
    data.joint("bend").qpos[:] = 0.1 + 0.4
    mujoco.mj_forward(model, data)
    assert np.abs(data.efc_pos[: data.ne]).max() < 1e-12
    turned = {"turn": 0.5, "tilt": -0.3}
    for name, value in turned.items():
        data.joint(name).qpos[:] = value
    mujoco.mj_kinematics(model, data)
    tree = KinematicTree(description, columns=list(turned), locked={}, frames=[Frame.at("tip")])
    reached = tree.forward_kinematics(np.array([list(turned.values())]))
    np.testing.assert_allclose(reached.p_m[0, 0], body_pose(data, "tip")[:3, 3], atol=1e-12)


@pytest.mark.parametrize("tie", [LOCKED, TIED.format(curve=0), TIED.format(curve=0.4)])
def test_constraint_that_starts_inactive_binds_nothing(tie, tmp_path):
    off = tie.replace("<joint ", '<joint active="false" ')
    joint = read_description(written(tmp_path, ties=off)).joints["bend"]
    assert (joint.kind, joint.mimic) == ("revolute", None)


@pytest.mark.parametrize(
    ("ties", "message"),
    [
        (
            '<connect name="loop" body1="upper" body2="tip" anchor="0 0 0"/>',
            r"'loop' .*closes a loop",
        ),
        ('<weld body1="upper" body2="tip"/>', r"'number 0' \(mjEQ_WELD\) holds .*closes a loop"),
        ('<weld body1="tip"/>', r"'world' and 'tip'|'tip' and 'world'"),
        (TIED.format(curve=0) + LOCKED, r"two active equality constraints bind joint 'bend'"),
    ],
)
def test_constraint_that_a_tree_cannot_keep_is_refused(ties, message, tmp_path):
    with pytest.raises(RobotError, match=message):
        read_description(written(tmp_path, ties=ties))


def test_base_held_to_the_world_is_no_coupling(tmp_path):
    path = written(tmp_path, ties='<weld body1="upper"/>')
    assert read_description(path).joints["turn"].kind == "revolute"


TENDON = (
    '<tendon><fixed name="both"><joint joint="turn" coef="1"/><joint joint="tilt" coef="1"/>'
    "</fixed></tendon>"
)


def test_joints_that_one_motor_pulls_are_named(tmp_path):
    path = written(tmp_path)
    motor = f'{TENDON}<actuator><position tendon="both"/></actuator></mujoco>'
    path.write_text(path.read_text().replace("</mujoco>", motor))
    assert read_description(path).shared_motors == (("turn", "tilt"),)


def test_tied_tendon_is_refused(tmp_path):
    path = written(tmp_path, ties='<tendon tendon1="both"/>')
    path.write_text(path.read_text().replace("</mujoco>", f"{TENDON}</mujoco>"))
    with pytest.raises(RobotError, match=r"mjEQ_TENDON\) ties tendons"):
        read_description(path)


def test_joints_that_a_tendon_limits_together_are_named(tmp_path):
    path = written(tmp_path)
    limited = TENDON.replace('name="both"', 'name="both" limited="true" range="0 0.5"')
    path.write_text(path.read_text().replace("</mujoco>", f"{limited}</mujoco>"))
    found = read_description(path)
    assert (found.shared_ranges, found.shared_motors) == ((("turn", "tilt"),), ())


@pytest.mark.parametrize("compiler", ["", '<compiler angle="degree"/>'])
def test_radians_that_are_read_as_degrees_are_refused(tmp_path, compiler):
    hinges = "".join(
        f'<body name="b{k}"><joint name="j{k}" range="-1.57 1.57"/><geom size="0.02"/>'
        for k in range(3)
    )
    text = f"<mujoco>{compiler}<worldbody>{hinges}{'</body>' * 3}</worldbody></mujoco>"
    path = tmp_path / "robot.xml"
    path.write_text(text)
    with pytest.raises(RobotError, match=r"more than 3\.14 degrees.*angle=\"radian\""):
        read_description(path)
    path.write_text(text.replace("-1.57 1.57", "-90 90"))
    assert read_description(path).joints["j0"].upper == pytest.approx(np.pi / 2)
