"""Torque limits that a robot's YAML file states hold in place of those of its own file."""

import mujoco
import pytest
from small_robots import pendulum

from rotoscope.retarget.physics.model import build_physics_model


@pytest.mark.parametrize("effort", [3.0, 30.0])
def test_torque_limits_that_are_given_hold_in_place_of_the_files(tmp_path, effort):
    path = tmp_path / "pendulum.xml"
    path.write_text(pendulum(torque_limit=10))
    robot = build_physics_model(path, "bolted", efforts={"hinge": effort})
    assert robot.max_effort == pytest.approx([effort])
    # MuJoCo itself clamps what acts on the joint.
    assert robot.model.jnt_actfrcrange[0] == pytest.approx([-effort, effort])
    data = mujoco.MjData(robot.model)
    data.ctrl[:] = 1e3 * robot.kp
    mujoco.mj_forward(robot.model, data)
    assert data.qfrc_actuator == pytest.approx([effort])
    # Whatever anybody states, none gives more than is asked for.
    assert build_physics_model(
        path, "bolted", efforts={"hinge": effort}, max_effort=2.0
    ).max_effort == pytest.approx([2.0])
