"""What ties the joints of an MJCF file to each other: equality constraints and shared motors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.links import Mimic


@dataclass(frozen=True)
class Couplings:
    """Equality constraints that hold from the start, by the number of the joint they bind."""

    mimics: dict[int, Mimic] = field(default_factory=dict)
    """Joints that follow another along a straight line."""
    locks: dict[int, float] = field(default_factory=dict)
    """Joints held at one value [rad or m]."""


def read_couplings(path: Path, mujoco: Any, model: Any) -> Couplings:
    """Joint constraints as mimic and locked joints; constraints that start inactive bind nothing.

    Raises:
        RobotError: A constraint that a tree of joints cannot keep (a closed loop, a tendon), a
            joint that follows along a curve, or one that two constraints bind.
    """
    found = Couplings()
    for e in range(model.neq):
        if not model.eq_active0[e]:
            continue
        kind = mujoco.mjtEq(int(model.eq_type[e]))
        if kind != mujoco.mjtEq.mjEQ_JOINT:
            _require_no_coupling(path, mujoco, model, e, kind)
            continue
        joint, master = int(model.eq_obj1id[e]), int(model.eq_obj2id[e])
        name = model.joint(joint).name
        if joint in found.mimics or joint in found.locks:
            raise RobotError(
                f"{path}: two active equality constraints bind joint {name!r}; keep one, for a "
                "joint can follow one other joint or be held at one value"
            )
        if master < 0:
            found.locks[joint] = _at_start(model, joint) + float(model.eq_data[e][0])
        else:
            found.mimics[joint] = _mimic(path, model, e, joint, master)
    return found


def shared_motors(mujoco: Any, model: Any) -> tuple[tuple[str, ...], ...]:
    """The joints of each motor that pulls several, through a fixed tendon."""
    by_tendon = int(mujoco.mjtTrn.mjTRN_TENDON)
    pulled = [
        int(model.actuator_trnid[a][0])
        for a in range(model.nu)
        if int(model.actuator_trntype[a]) == by_tendon
    ]
    return _several(mujoco, model, pulled)


def shared_ranges(mujoco: Any, model: Any) -> tuple[tuple[str, ...], ...]:
    """The joints of each fixed tendon that limits several."""
    return _several(mujoco, model, [t for t in range(model.ntendon) if model.tendon_limited[t]])


def _several(mujoco: Any, model: Any, tendons: list[int]) -> tuple[tuple[str, ...], ...]:
    out = []
    for tendon in tendons:
        first = int(model.tendon_adr[tendon])
        names = [
            model.joint(int(model.wrap_objid[w])).name
            for w in range(first, first + int(model.tendon_num[tendon]))
            if int(model.wrap_type[w]) == int(mujoco.mjtWrap.mjWRAP_JOINT)
        ]
        if len(names) > 1:
            out.append(tuple(names))
    return tuple(out)


def _mimic(path: Path, model: Any, e: int, joint: int, master: int) -> Mimic:
    name = model.joint(master).name
    if np.any(model.eq_data[e][2:5]):
        raise RobotError(
            f"{path}: joint {model.joint(joint).name!r} follows {name!r} along a curve "
            f"(polycoef {model.eq_data[e][:5].tolist()}); only straight lines are supported: "
            "the last three numbers must be 0"
        )
    offset, multiplier = (float(x) for x in model.eq_data[e][:2])
    # MuJoCo counts both from where they are at `ref`, mimic joints from zero.
    here, there = _at_start(model, joint), _at_start(model, master)
    return Mimic(name, multiplier, here + offset - multiplier * there)


def _at_start(model: Any, joint: int) -> float:
    return float(model.qpos0[model.jnt_qposadr[joint]])


def _require_no_coupling(path: Path, mujoco: Any, model: Any, e: int, kind: Any) -> None:
    """Refuses what ties parts in another way than along the tree; a part at rest may be held."""
    first, second = int(model.eq_obj1id[e]), int(model.eq_obj2id[e])
    if kind in (mujoco.mjtEq.mjEQ_CONNECT, mujoco.mjtEq.mjEQ_WELD):
        if int(model.eq_objtype[e]) == int(mujoco.mjtObj.mjOBJ_SITE):
            first, second = (int(model.site_bodyid[site]) for site in (first, second))
        # The base held to the world is where the robot stands, no coupling of its joints.
        if 0 in (first, second) and int(model.body_parentid[max(first, second)]) == 0:
            return
        tied = " and ".join(repr(model.body(b).name or "world") for b in (first, second))
        what = f"holds {tied} together and closes a loop"
    elif kind == mujoco.mjtEq.mjEQ_TENDON:
        what = "ties tendons, and so the joints that they run over"
    else:
        what = "ties parts in a way that no joint has"
    name = model.equality(e).name or f"number {e}"
    raise RobotError(
        f"{path}: the equality constraint {name!r} ({kind.name}) {what}; only constraints "
        'between joints are supported: take it out or mark it active="false", and fix or mimic '
        "the joints behind it"
    )
