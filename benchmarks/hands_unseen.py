"""How many hands never seen before can be used from their files alone, and whether rightly.

The proposal is made without looking at names and compared with them: it is wrong where a fingertip
hangs on a link that the file calls another finger, or the side is the other one.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks._humanoid_files import FOURIER, ICUB, Wheel
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.onboarding.check import check, propose
from rotoscope.retarget.onboarding.names import finger_of
from rotoscope.retarget.robots.config import Finger

DEXMATE = Wheel("dexmate-urdf", "0.8.4", "dexmate_urdf/robots/hands", ("f5d6_hand",))
MANISKILL = Wheel("mani-skill", "3.0.1", "mani_skill/assets/robots/inspire_hand", ("RH56DFX-2LR",))

FILES: dict[str, tuple[Wheel, str, Side]] = {
    "fourier_6dof_left": (FOURIER, "urdf/fourier_left_hand_6dof.urdf", "left"),
    "fourier_6dof_right": (FOURIER, "urdf/fourier_right_hand_6dof.urdf", "right"),
    "fourier_12dof_left": (FOURIER, "urdf/fourier_left_hand_12dof.urdf", "left"),
    "fourier_12dof_right_v1": (FOURIER, "urdf/fourier_right_hand_12dof_v1.urdf", "right"),
    "f5d6_left": (DEXMATE, "f5d6_hand/f5d6_left.urdf", "left"),
    "f5d6_right": (DEXMATE, "f5d6_hand/f5d6_right.urdf", "right"),
    "icub_mk3_left": (ICUB, "robots/left_hand_mk3/model.urdf", "left"),
    "inspire_rh56dfx_left": (MANISKILL, "RH56DFX-2LR/urdf/inspire_hand_left.urdf", "left"),
    "inspire_rh56dfx_right": (MANISKILL, "RH56DFX-2LR/urdf/inspire_hand_right.urdf", "right"),
}
"""Hands that no constant was chosen on. RH56DFX is a maker's whose other hand ships."""


def run() -> list[Figure]:
    """Counts of usable files, and of those that are wrong."""
    counts = Counter(_outcome(name, *of) for name, of in FILES.items())
    return [
        Figure("hands_unseen.files", len(FILES), "1"),
        Figure("hands_unseen.right", counts["right"], "1", Bar(">=", 8)),
        Figure("hands_unseen.wrong", counts["WRONG"], "1", Bar("<=", 0)),
    ]


def _outcome(name: str, wheel: Wheel, file: str, side: Side) -> str:
    path = wheel.folder() / file
    try:
        report = check(str(path))
    except RotoscopeError as error:
        return _say(name, "refused", str(error))
    if not report.is_good:
        return _say(name, "refused", str(report.fault))
    if report.kind != "hand":
        return _say(name, "WRONG", f"taken for {report.kind}")
    faults = _faults(path, side)
    guesses = [item.key for item in report.proposal.open] if report.proposal else []
    return _say(name, "WRONG" if faults else "right", "; ".join(faults) or ", ".join(guesses))


def _faults(path: Path, side: Side) -> list[str]:
    found = propose(path, use_names=False).mapping()
    above = {joint.child: joint for joint in read_description(path).joints.values()}
    faults = [] if found.get("side") == side else [f"a {side} hand taken for {found.get('side')}"]
    for finger, tip in found.get("tips", {}).items():
        named = _finger_above(tip["link"], above)
        # Of three fingers beside a thumb, which one is missing is a matter of taste.
        is_outermost = len(found["tips"]) == 4 and (finger, named) == ("ring", "little")
        if named not in (None, finger) and not is_outermost:
            faults.append(f"{tip['link']} taken for the {finger}")
    return faults


def _finger_above(link: str, above: dict[str, Joint]) -> Finger | None:
    """The finger that the first link or joint with such a name speaks of."""
    while link in above:
        joint = above[link]
        for name in (link, joint.name):
            if (found := finger_of(name)) is not None:
                return found
        link = joint.parent
    return None


def _say(name: str, outcome: str, why: str) -> str:
    print(f"{name}: {outcome}: {why[:300]}")
    return outcome
