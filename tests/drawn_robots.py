"""Robot files that the tests write: a hand and a humanoid of known geometry, and random trees."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np


def _joint(
    name: str,
    parent: str,
    child: str,
    xyz: tuple[float, float, float],
    axis: str | None = None,
    limit: tuple[float, float] | None = None,
    extra: str = "",
    rpy: str = "0 0 0",
) -> str:
    kind = "fixed" if axis is None else "revolute"
    inner = "" if axis is None else f'<axis xyz="{axis}"/>'
    if limit is not None:
        inner += f'<limit lower="{limit[0]}" upper="{limit[1]}" velocity="5" effort="0.8"/>'
    where = " ".join(map(str, xyz))
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{where}" rpy="{rpy}"/>{inner}{extra}</joint>'
    )


def _robot(joints: list[str], links: list[str], shapes: dict[str, str] | None = None) -> str:
    shapes = shapes or {}
    drawn = "".join(f'<link name="{link}">{shapes.get(link, "")}</link>' for link in links)
    return f'<robot name="drawn">{drawn}{"".join(joints)}</robot>'


def hand_urdf(*, side: str = "right", names: dict[str, str] | None = None) -> str:
    """A hand with x to the index finger's side, z along the fingers and the palm towards -y.

    A forearm with a wrist joint carries the palm. Four fingers have a joint that spreads, one that
    bends, and a last one that follows it; the thumb stands at the side and bends across.

    Args:
        side: Mirrors the hand.
        names: Replaces names of links, to mislead whoever believes in names.
    """
    m = 1.0 if side == "right" else -1.0
    joints = [_joint("wrist_bend", "forearm", "palm", (0, 0, 0.2), "1 0 0", (-0.7, 0.5))]
    links = ["forearm", "palm"]
    rows = {"a": 0.033, "b": 0.011, "c": -0.011, "d": -0.033}
    for finger, x in rows.items():
        follow = f'<mimic joint="{finger}_bend" multiplier="0.8" offset="0.05"/>'
        joints += [
            _joint(
                f"{finger}_spread", "palm", f"{finger}0", (m * x, 0, 0.09), "0 1 0", (-0.3, 0.3)
            ),
            _joint(
                f"{finger}_bend", f"{finger}0", f"{finger}1", (0, 0, 0.01), "1 0 0", (-0.2, 1.6)
            ),
            _joint(
                f"{finger}_last",
                f"{finger}1",
                f"{finger}2",
                (0, 0, 0.045),
                "1 0 0",
                (0, 1.2),
                follow,
            ),
            _joint(f"{finger}_end", f"{finger}2", f"{finger}_tip", (0, 0, 0.05)),
        ]
        links += [f"{finger}0", f"{finger}1", f"{finger}2", f"{finger}_tip"]
    joints += [
        _joint("t_turn", "palm", "t0", (m * 0.034, -0.01, 0.03), f"0 0 {-m}", (-1, 1)),
        _joint("t_bend", "t0", "t1", (m * 0.03, 0, 0.02), f"0.5 {-0.8 * m} -0.3", (0, 1.2)),
        _joint("t_last", "t1", "t2", (m * 0.03, 0, 0.02), f"0.5 {-0.8 * m} -0.3", (-0.2, 1.4)),
        _joint("t_end", "t2", "t_tip", (m * 0.02, 0, 0.02)),
    ]
    links += ["t0", "t1", "t2", "t_tip"]
    text = _robot(joints, links)
    for old, new in (names or {}).items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return text


def hand_yaml(file: str = "hand.urdf", name: str = "drawn") -> str:
    """The right YAML file of `hand_urdf`."""
    tips = dict(zip(("thumb", "index", "middle", "ring", "little"), "tabcd", strict=True))
    lines = [f"name: {name}", "kind: hand", "folder: .", f"file: {file}", "side: right"]
    lines += ["palm: {link: palm}", "forward: [0, 0, 1]", "palm_normal: [0, -1, 0]", "tips:"]
    lines += [f"  {finger}: {{link: {letter}_tip}}" for finger, letter in tips.items()]
    return "\n".join(lines) + "\n"


def humanoid_urdf(*, arm_joints: int = 6, chest_first: bool = False, yaw_deg: float = 0.0) -> str:
    """A humanoid of 1.2 m with six joints a leg, five an arm, one at the waist, drawn feet.

    The gripper at each wrist has one joint that moves nothing a body could say.

    Args:
        arm_joints: How many of an arm's joints there are, from the shoulder; 4 end at the elbow.
        chest_first: Whether the pelvis hangs on the chest, else the chest on the pelvis.
        yaw_deg: How far the frames of pelvis and chest are turned to the left of straight ahead.
    """
    ends = ("chest", "pelvis") if chest_first else ("pelvis", "chest")
    up = -0.1 if chest_first else 0.1
    joints = [_joint("waist", *ends, (0, 0, up), "0 0 1", (-1, 1))]
    links = ["pelvis", "chest"]
    shapes = {"chest": _box((0.1, 0.2, 0.4), (0, 0, 0.25))}
    for side, m in (("left", 1.0), ("right", -1.0)):
        chain = [
            (f"{side}_hip_yaw", (0, m * 0.08, -0.05), "0 0 1", (-1.0, 1.0)),
            (f"{side}_hip_roll", (0, 0, 0), "1 0 0", (-0.5, 0.5)),
            (f"{side}_hip_pitch", (0, 0, 0), "0 1 0", (-2.0, 0.8)),
            (f"{side}_knee", (0, 0, -0.3), "0 1 0", (0.0, 2.4)),
            (f"{side}_ankle_pitch", (0, 0, -0.3), "0 1 0", (-0.8, 0.8)),
            (f"{side}_ankle_roll", (0, 0, 0), "1 0 0", (-0.4, 0.4)),
        ]
        joints += _chain("pelvis", chain, yaw_deg)
        shapes[f"{side}_ankle_roll_link"] = _box((0.2, 0.08, 0.04), (0.03, 0, -0.04))
        arm = [
            (f"{side}_shoulder_pitch", (0, m * 0.15, 0.35), "0 1 0", (-2.0, 2.0)),
            (f"{side}_shoulder_roll", (0, m * 0.02, 0), "1 0 0", (-1.5, 1.5)),
            (f"{side}_shoulder_yaw", (0, 0, 0), "0 0 1", (-1.5, 1.5)),
            (f"{side}_elbow", (0, 0, -0.22), "0 1 0", (-2.2, 0.0)),
            (f"{side}_wrist", (0, 0, -0.2), "0 0 1", (-1.5, 1.5)),
            (f"{side}_grip", (0, 0, -0.12), "1 0 0", (0.0, 0.8)),
        ][:arm_joints]
        joints += _chain("chest", arm, yaw_deg)
        links += [f"{name}_link" for name, *_ in (*chain, *arm)]
        shapes[f"{side}_wrist_link"] = _box((0.04, 0.06, 0.16), (0, 0, -0.08))
        if arm_joints == 4:
            shapes[f"{side}_elbow_link"] = _box((0.04, 0.06, 0.3), (0, 0, -0.15))
    return _robot(joints, links, shapes)


def humanoid_yaml() -> str:
    """The right YAML file of `humanoid_urdf`."""
    lines = ["name: drawn", "kind: humanoid", "folder: .", "file: humanoid.urdf", "root: pelvis"]
    lines += ["torso: chest", "body:"]
    for side in ("left", "right"):
        lines += [
            f"  {side}_hip: {{link: {side}_hip_pitch_link}}",
            f"  {side}_knee: {{link: {side}_knee_link}}",
            f"  {side}_ankle: {{link: {side}_ankle_roll_link}}",
            f"  {side}_wrist: {{link: {side}_wrist_link}}",
        ]
    lines += ["feet:"]
    for side in ("left", "right"):
        corners = "[[-0.07, 0.04, -0.06], [-0.07, -0.04, -0.06], [0.13, 0.04, -0.06]]"
        lines += [f"  {side}: {{link: {side}_ankle_roll_link, sole_m: {corners}}}"]
    lines += ["joints:", "  left_grip: {fixed: 0}", "  right_grip: {fixed: 0.2}"]
    return "\n".join(lines) + "\n"


def in_degrees(text: str) -> str:
    """A robot file whose limits were typed in degrees."""
    return re.sub(
        r'(lower|upper)="([-0-9.]+)"',
        lambda end: f'{end[1]}="{math.degrees(float(end[2])):.1f}"',
        text,
    )


def random_urdf(seed: int, *, num_joints: int = 9) -> str:
    """A tree of joints about and along any axes, every third one following another."""
    rng = np.random.default_rng(seed)
    joints, links = [], ["root"]
    for i in range(num_joints):
        parent = links[int(rng.integers(len(links)))]
        kind = "prismatic" if rng.random() < 0.25 else "revolute"
        axis = " ".join(f"{v:.6f}" for v in rng.normal(size=3))
        xyz = " ".join(f"{v:.6f}" for v in rng.uniform(-0.3, 0.3, 3))
        rpy = " ".join(f"{v:.6f}" for v in rng.uniform(-3, 3, 3))
        mimic = ""
        if i % 3 == 2:
            followed = int(rng.integers(i))
            factor, offset = rng.uniform(-1.5, 1.5), rng.uniform(-0.2, 0.2)
            mimic = f'<mimic joint="j{followed}" multiplier="{factor:.6f}" offset="{offset:.6f}"/>'
        joints.append(
            f'<joint name="j{i}" type="{kind}"><parent link="{parent}"/><child link="l{i}"/>'
            f'<origin xyz="{xyz}" rpy="{rpy}"/><axis xyz="{axis}"/>'
            f'<limit lower="-3" upper="3" velocity="2" effort="0.8"/>{mimic}</joint>'
        )
        links.append(f"l{i}")
    return _robot(joints, links)


def write_hand(folder: Path) -> Path:
    """Writes `hand_urdf` and its YAML file; returns the latter's path."""
    (folder / "hand.urdf").write_text(hand_urdf())
    (folder / "hand.yaml").write_text(hand_yaml())
    return folder / "hand.yaml"


def write_humanoid(folder: Path) -> Path:
    """Writes `humanoid_urdf` and its YAML file; returns the latter's path."""
    (folder / "humanoid.urdf").write_text(humanoid_urdf())
    (folder / "humanoid.yaml").write_text(humanoid_yaml())
    return folder / "humanoid.yaml"


def _chain(
    parent: str,
    chain: list[tuple[str, tuple[float, float, float], str, tuple[float, float]]],
    yaw_deg: float = 0.0,
) -> list[str]:
    """Joints in a row; the parent's frame is turned by this much to the left of theirs."""
    joints = []
    yaw = -np.radians(yaw_deg)
    for name, (x, y, z), axis, limit in chain:
        at = (np.cos(yaw) * x - np.sin(yaw) * y, np.sin(yaw) * x + np.cos(yaw) * y, z)
        joints.append(_joint(name, parent, f"{name}_link", at, axis, limit, rpy=f"0 0 {yaw}"))
        parent, yaw = f"{name}_link", 0.0
    return joints


def _box(size: tuple[float, float, float], at: tuple[float, float, float]) -> str:
    shape = f'<geometry><box size="{" ".join(map(str, size))}"/></geometry>'
    return f'<collision><origin xyz="{" ".join(map(str, at))}"/>{shape}</collision>'
