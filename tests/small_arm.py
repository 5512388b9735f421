"""An arm of three joints with a sliding gripper, of a few boxes, as URDF and YAML."""

from pathlib import Path

_LINK = """
  <link name="{name}"><inertial><origin xyz="0 0 {half}"/><mass value="{mass}"/>
    <inertia ixx="0.002" iyy="0.002" izz="0.001" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin xyz="0 0 {half}"/><geometry><box size="0.04 0.04 {length}"/></geometry>
    </collision></link>"""
_JOINT = """
  <joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>
    <origin xyz="0 0 {at}"/><axis xyz="{axis}"/>
    <limit lower="-3.1" upper="3.1" velocity="3" effort="{effort}"/></joint>"""
_FINGER = """
  <link name="{name}"><inertial><mass value="0.02"/>
    <inertia ixx="1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin xyz="0 0 0.02"/><geometry><box size="0.01 0.01 0.04"/></geometry>
    </collision></link>
  <joint name="{name}_slide" type="prismatic"><parent link="fore"/><child link="{name}"/>
    <origin xyz="0 0 0.34"/><axis xyz="0 {sign} 0"/>
    <limit lower="0" upper="0.04" velocity="0.2" effort="20"/></joint>"""
YAML = """name: lever
folder: .
file: lever.urdf
base_link: base
arm: {joints: [turn, lift, bend], home: [0.0, 0.6, 1.2]}
end_effector: {link: fore, origin_m: [0, 0, 0.36], approach: [0, 0, 1], closing: [0, 1, 0]}
gripper:
  joints: {one_slide: [0.0, 0.04], two_slide: [0.0, 0.04]}
  max_opening_m: 0.08
  max_speed_m_s: 0.1
"""


def write_arm(folder: Path, *, effort: float = 60.0) -> Path:
    """Writes the arm's files and gives its YAML."""
    links = [("base", 0.1, 2.0), ("stem", 0.1, 1.0), ("upper", 0.3, 1.0), ("fore", 0.33, 0.6)]
    joints = [
        ("turn", "base", "stem", 0.1, "0 0 1"),
        ("lift", "stem", "upper", 0.1, "0 1 0"),
        ("bend", "upper", "fore", 0.3, "0 1 0"),
    ]
    parts = [_LINK.format(name=n, half=size / 2, length=size, mass=m) for n, size, m in links]
    parts += [
        _JOINT.format(name=n, parent=p, child=c, at=at, axis=axis, effort=effort)
        for n, p, c, at, axis in joints
    ]
    parts += [_FINGER.format(name=n, sign=sign) for n, sign in (("one", 1), ("two", -1))]
    (folder / "lever.urdf").write_text(f'<robot name="lever">{"".join(parts)}\n</robot>\n')
    (folder / "lever.yaml").write_text(YAML)
    return folder / "lever.yaml"
