"""Arms drawn for tests: boxes and joints whose answer is known, with grippers of several builds."""


def link(name: str, *boxes: tuple[str, str]) -> str:
    """A link of boxes, each by its size and where it is [m]."""
    shapes = "".join(
        f'<collision><origin xyz="{at}"/><geometry><box size="{size}"/></geometry></collision>'
        for size, at in boxes
    )
    return f'<link name="{name}">{shapes}</link>'


def joint(
    name: str,
    parent: str,
    child: str,
    axis: str,
    *,
    at: str = "0 0 0",
    kind: str = "revolute",
    ends: tuple[float, float] = (-2.5, 2.5),
    more: str = "",
) -> str:
    """A joint with limits, at 1 rad/s or m/s unless `more` says otherwise."""
    limit = f'<limit lower="{ends[0]}" upper="{ends[1]}" effort="9" velocity="1"/>'
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{at}"/><axis xyz="{axis}"/>{more or limit}</joint>'
    )


def arm(prefix: str = "", *, root: str = "base", at: str = "0 0 0.1") -> str:
    """Six joints up to a flange that points along z of `hand`."""
    names = [f"{prefix}{n}" for n in ("a", "b", "c", "d", "e", "hand")]
    offsets = [at, "0 0 0.1", "0 0 0.3", "0 0 0.15", "0 0 0.15", "0 0 0.08"]
    axes = ["0 0 1", "0 1 0", "0 1 0", "0 0 1", "0 1 0", "0 0 1"]
    text = ""
    for i, (name, offset, axis) in enumerate(zip(names, offsets, axes, strict=True)):
        parent = root if i == 0 else names[i - 1]
        size = "0.05 0.05 0.02" if name.endswith("hand") else "0.05 0.05 0.05"
        text += link(name, (size, "0 0 0.01")) + joint(
            f"{prefix}j{i + 1}", parent, name, axis, at=offset
        )
    return text


def sliding(prefix: str = "") -> str:
    """Two fingers that slide apart along y, 0 to 80 mm, the second after the first."""
    hand = f"{prefix}hand"
    follows = (
        f'<mimic joint="{prefix}slide"/><limit lower="0" upper="0.04" effort="9" velocity="1"/>'
    )
    return (
        link(f"{prefix}f1", ("0.02 0.01 0.1", "0 0.005 0.07"))
        + link(f"{prefix}f2", ("0.02 0.01 0.1", "0 -0.005 0.07"))
        + joint(f"{prefix}slide", hand, f"{prefix}f1", "0 1 0", kind="prismatic", ends=(0.0, 0.04))
        + joint(f"{prefix}slide2", hand, f"{prefix}f2", "0 -1 0", kind="prismatic", more=follows)
    )


def jaw() -> str:
    """A bar fixed to the hand, and one that turns away from it about x."""
    return (
        link("still", ("0.02 0.01 0.1", "0 -0.005 0.07"))
        + joint("weld", "hand", "still", "0 0 1", kind="fixed")
        + link("jaw", ("0.02 0.01 0.1", "0 -0.015 0.05"))
        + joint("bite", "hand", "jaw", "-1 0 0", at="0 0.02 0.02", ends=(0.0, 1.4))
    )


def linkage() -> str:
    """Two bars on each side that keep the fingers upright, all after one motor."""
    text = ""
    for side, sign in (("l", 1), ("r", -1)):
        follows = "" if side == "l" else '<mimic joint="l_bar_joint"/>'
        back = '<mimic joint="l_bar_joint" multiplier="-1"/>'
        limit = '<limit lower="0" upper="0.8" effort="9" velocity="1"/>'
        text += link(f"{side}_bar", ("0.01 0.01 0.05", f"0 {0.01 * sign} 0.025"))
        text += joint(
            f"{side}_bar_joint",
            "hand",
            f"{side}_bar",
            f"{-sign} 0 0",
            at=f"0 {0.01 * sign} 0.02",
            more=follows + limit,
        )
        text += link(f"{side}_pad", ("0.02 0.01 0.05", f"0 {-0.005 * sign} 0.03"))
        text += joint(
            f"{side}_pad_joint",
            f"{side}_bar",
            f"{side}_pad",
            f"{-sign} 0 0",
            at="0 0 0.05",
            more=back + '<limit lower="-0.8" upper="0.8" effort="9" velocity="1"/>',
        )
    return text


def robot(*parts: str) -> str:
    """A URDF of a base and what stands on it."""
    return (
        f'<robot name="drawn">{link("base", ("0.1 0.1 0.1", "0 0 0.05"))}{"".join(parts)}</robot>'
    )
