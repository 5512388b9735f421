"""Small MJCF robots that the physics tests let go."""

BIPED_MJCF = """<mujoco model="biped">
  <compiler angle="radian"/>
  <worldbody>
    <body name="trunk" pos="0 0 0.62">
      {free}
      <geom type="box" size="0.08 0.12 0.15" mass="8" pos="0 0 0.15"/>
      {legs}
    </body>
  </worldbody>
</mujoco>
"""
LEG = """
      <body name="{side}_thigh" pos="0 {y} 0">
        <joint name="{side}_hip" axis="0 1 0" range="-1.5 1.5" actuatorfrcrange="-60 60"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.28" size="0.04" mass="1.5"/>
        <body name="{side}_shin" pos="0 0 -0.28">
          <joint name="{side}_knee" axis="0 1 0" range="0 2.2" actuatorfrcrange="-60 60"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.28" size="0.03" mass="1"/>
          <body name="{side}_foot" pos="0 0 -0.28">
            <joint name="{side}_ankle" axis="0 1 0" range="-1 1" actuatorfrcrange="-40 40"/>
            <geom type="box" size="0.1 0.04 0.02" pos="0.03 0 -0.04" mass="0.4"/>
          </body>
        </body>
      </body>"""

BIPED_JOINTS = tuple(f"{s}_{j}" for s in ("left", "right") for j in ("hip", "knee", "ankle"))
STANDING_HEIGHT_M = 0.62
"""Height of the trunk's frame when the legs are straight and the soles on the ground."""


def biped(*, has_free_joint: bool = True) -> str:
    """MJCF of a trunk on two legs of three joints each."""
    legs = "".join(LEG.format(side=s, y=y) for s, y in (("left", 0.1), ("right", -0.1)))
    return BIPED_MJCF.format(free="<freejoint/>" if has_free_joint else "", legs=legs)


PENDULUM_MJCF = """<mujoco model="pendulum">
  <compiler angle="radian"/>
  <worldbody>
    <body name="rod">
      <joint name="hinge" axis="0 1 0" {limit}/>
      <geom type="capsule" fromto="0 0 0 0.5 0 0" size="0.02" mass="1"/>
    </body>
  </worldbody>
  {actuator}
</mujoco>
"""


def pendulum(*, torque_limit: float | None = None, actuator: str = "") -> str:
    """MJCF of a rod of 1 kg and 0.5 m that a hinge holds at one end, level at zero."""
    limit = "" if torque_limit is None else f'actuatorfrcrange="-{torque_limit} {torque_limit}"'
    return PENDULUM_MJCF.format(limit=limit, actuator=actuator)
