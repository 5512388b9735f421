"""A hand and a humanoid made of a few shapes, to be drawn."""

from pathlib import Path

STANDING_HEIGHT_M = 0.62
"""Height of the biped's trunk when its legs are straight and its soles on the ground."""
BIPED_MJCF = """<mujoco model="biped">
  <compiler angle="radian"/>
  <worldbody>
    <body name="trunk" pos="0 0 0.62">
      <freejoint/>
      <geom type="box" size="0.08 0.12 0.15" pos="0 0 0.15"/>{legs}
    </body>
  </worldbody>
</mujoco>
"""
LEG = """
      <body name="{side}_thigh" pos="0 {y} 0">
        <joint name="{side}_hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.28" size="0.04"/>
        <body name="{side}_shin" pos="0 0 -0.28">
          <joint name="{side}_knee" axis="0 1 0" range="0 2.2"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.28" size="0.03"/>
          <body name="{side}_foot" pos="0 0 -0.28">
            <joint name="{side}_ankle" axis="0 1 0" range="-1 1"/>
            <geom type="box" size="0.1 0.04 0.02" pos="0.03 0 -0.04"/>
          </body>
        </body>
      </body>"""
BIPED_YAML = """name: biped
kind: humanoid
folder: .
file: biped.xml
root: trunk
body:
  pelvis: {link: trunk}
  neck: {link: trunk, offset_m: [0, 0, 0.3]}
  left_hip: {link: left_thigh}
  left_knee: {link: left_shin}
  left_ankle: {link: left_foot}
  right_hip: {link: right_thigh}
  right_knee: {link: right_shin}
  right_ankle: {link: right_foot}
feet:
  left: {link: left_foot, sole_m: [[-0.07, 0.04, -0.06], [-0.07, -0.04, -0.06], [0.13, 0, -0.06]]}
  right: {link: right_foot, sole_m: [[-0.07, 0.04, -0.06], [-0.07, -0.04, -0.06], [0.13, 0, -0.06]]}
joints: {default: {max_velocity: 10}}
"""
BOX = '<visual><origin xyz="{at}"/><geometry><box size="{size}"/></geometry></visual>'
INERTIA = 'ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"'
MASS = f'<inertial><mass value="0.1"/><inertia {INERTIA}/></inertial>'
FINGER = """
  <link name="{name}">{mass}{box}</link>
  <joint name="{name}_bend" type="revolute">
    <parent link="palm"/><child link="{name}"/><origin xyz="{at}"/><axis xyz="{axis}"/>
    <limit lower="0" upper="1.6" velocity="5" effort="1"/>
  </joint>
  <link name="{name}_tip"/>
  <joint name="{name}_end" type="fixed">
    <parent link="{name}"/><child link="{name}_tip"/><origin xyz="0 0 0.1"/>
  </joint>"""
HAND_YAML = """name: mitten
kind: hand
folder: .
file: mitten.urdf
side: right
palm: {link: palm}
forward: [0, 0, 1]
palm_normal: [1, 0, 0]
tips: {thumb: {link: thumb_tip}, index: {link: index_tip}}
"""


def write_biped(folder: Path) -> Path:
    """YAML file of a trunk on two legs of three joints each."""
    legs = "".join(LEG.format(side=s, y=y) for s, y in (("left", 0.1), ("right", -0.1)))
    (folder / "biped.xml").write_text(BIPED_MJCF.format(legs=legs))
    (folder / "biped.yaml").write_text(BIPED_YAML)
    return folder / "biped.yaml"


def write_mitten(folder: Path) -> Path:
    """YAML file of a right hand with a thumb and one long finger that bend by a joint each."""
    finger = BOX.format(at="0 0 0.05", size="0.02 0.02 0.1")
    parts = [
        FINGER.format(name="index", mass=MASS, box=finger, at="0 0 0.1", axis="0 1 0"),
        FINGER.format(name="thumb", mass=MASS, box=finger, at="0 0.05 0.03", axis="0 1 0"),
    ]
    palm = BOX.format(at="0 0 0.05", size="0.02 0.08 0.1")
    urdf = f'<robot name="mitten"><link name="palm">{MASS}{palm}</link>{"".join(parts)}</robot>'
    (folder / "mitten.urdf").write_text(urdf)
    (folder / "mitten.yaml").write_text(HAND_YAML)
    return folder / "mitten.yaml"
