"""The YAML file of a dexterous hand, proposed from its robot file."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.retarget.onboarding.body_numbers import (
    HAND_RAD_S,
    PLACEHOLDER_RAD_S,
    guess_ranges,
    guess_speeds,
)
from rotoscope.retarget.onboarding.fingers import (
    Finger,
    OpenHand,
    bending_axis,
    bending_parts,
    closing_motion,
    find_fingers,
    rank_thumbs,
    stretch,
)
from rotoscope.retarget.onboarding.names import finger_of, side_of
from rotoscope.retarget.onboarding.proposal import Proposal, direction, point
from rotoscope.retarget.onboarding.skeleton import Skeleton

HUMAN_HAND_M = 0.187
"""Mean length of an adult hand, wrist to tip of the middle finger: 194 mm for men, 180 mm for
women (Greiner 1991, Hand Anthropometry of U.S. Army Personnel)."""

ORDER = ("index", "middle", "ring", "little")
"""Names of fingers from the thumb's side outwards."""

PALM_SHARE = 1.0
"""Wrist to knuckles over knuckles to fingertips: a human palm is about as long as its fingers."""

NEAR_SHARE = 0.2
"""A link this near to the wrist, as a share of a finger, stands for it, as Allegro's does."""

SURE = 0.2
"""Below this share a range of motion does not tell to which side a finger bends."""


def propose_hand(skeleton: Skeleton, proposal: Proposal, *, use_names: bool) -> None:
    """Adds what a hand's YAML file says: palm, directions, fingertips and middle joints."""
    palm, fingers = find_fingers(skeleton)
    if len(fingers) > 1 + len(ORDER):
        proposal.leave(
            "tips",
            f"{len(fingers)} chains end in nothing, more than a hand has fingers: "
            f"{[f.tip_link for f in fingers]}",
            "the thumb and up to four fingers by hand: `tips: {thumb: {link: ...}, ...}`",
        )
        return
    hand = stretch(skeleton, fingers)
    thumb = _find_thumb(skeleton, proposal, fingers, hand, use_names=use_names)
    if thumb is None:
        return
    others = [finger for finger in fingers if finger is not thumb]
    frame = _Frame(skeleton, others, thumb, hand)
    in_order = sorted(others, key=lambda f: -float(frame.knuckle(f) @ frame.thumbwards))
    named = dict(zip(("thumb", *ORDER), (thumb, *in_order), strict=False))
    _decide_frame(skeleton, proposal, frame, palm, named, use_names=use_names)
    _decide_fingers(skeleton, proposal, frame, named, use_names=use_names)
    held = {joint.name for part in skeleton.path(palm) if (joint := skeleton.parts[part].joint)}
    free = [name for name in skeleton.free if name not in held]
    guess_ranges(skeleton, proposal, free)
    guess_speeds(
        skeleton,
        proposal,
        free,
        usual_rad_s=HAND_RAD_S,
        placeholder_rad_s=PLACEHOLDER_RAD_S,
    )


class _Frame:
    """Directions of a stretched hand in the root link."""

    def __init__(
        self, skeleton: Skeleton, others: list[Finger], thumb: Finger, hand: OpenHand
    ) -> None:
        self.skeleton, self.hand, self.thumb = skeleton, hand, thumb
        self.across = bending_axis(skeleton, others, hand)
        along = np.mean([hand.tip(f) - self.knuckle(f) for f in others], axis=0)
        self.finger_m = float(np.linalg.norm(along))
        self.forward = unit(along - (along @ self.across) * self.across)
        motions = [closing_motion(skeleton, f, hand, self.across) for f in others]
        closing = np.sum([motion for motion, _ in motions], axis=0)
        self.sureness = float(np.mean([sure for _, sure in motions]))
        self.normal = np.cross(self.across, self.forward)
        if self.normal @ closing < 0:
            self.normal = -self.normal
        self.knuckles = np.array([self.knuckle(f) for f in others])
        away = 0.5 * (hand.tip(thumb) + skeleton.anchor(thumb.parts[0], hand.T))
        away = away - self.knuckles.mean(axis=0)
        side = float(away @ self.across)
        self.thumbwards = self.across if side >= 0 else -self.across
        self.thumb_side = abs(side) / self.finger_m

    def knuckle(self, finger: Finger) -> Float[np.ndarray, " 3"]:
        """Where a finger first bends [m]."""
        first = bending_parts(self.skeleton, finger, self.hand, self.across)[0]
        return self.skeleton.anchor(first, self.hand.T)


def _find_thumb(
    skeleton: Skeleton,
    proposal: Proposal,
    fingers: list[Finger],
    hand: OpenHand,
    *,
    use_names: bool,
) -> Finger | None:
    ranked = rank_thumbs(skeleton, fingers, hand)
    by_name = [f for f in fingers if use_names and finger_of(f.tip_link) == "thumb"]
    if len(fingers) >= 3 and ranked[0][0] < 0.7 * ranked[1][0]:
        thumb = fingers[ranked[0][1]]
        if by_name and by_name[0] is not thumb:
            proposal.leave(
                "tips.thumb",
                f"{thumb.tip_link!r} bends about another axis than the rest, but "
                f"{by_name[0].tip_link!r} has the name",
                "look at both; swap them in `tips` and `middles` if the name is right",
                is_needed=False,
            )
        return thumb
    if len(by_name) == 1:
        proposal.remarks.append(
            f"the thumb is {by_name[0].tip_link} by its name; the chains look too much alike"
        )
        return by_name[0]
    proposal.leave(
        "tips",
        "no chain differs enough from the others to be the thumb",
        f"which is which of {[f.tip_link for f in fingers]}: `tips: {{thumb: {{link: ...}}}}`, "
        "then palm, forward and palm_normal",
    )
    return None


def _decide_frame(
    skeleton: Skeleton,
    proposal: Proposal,
    frame: _Frame,
    palm: int,
    named: dict[str, Finger],
    *,
    use_names: bool,
) -> None:
    normal = frame.normal
    if frame.sureness < SURE:
        thumb = frame.hand.tip(frame.thumb) - frame.knuckles.mean(axis=0)
        normal = normal if thumb @ normal >= 0 else -normal
        proposal.leave(
            "palm_normal",
            "the fingers can bend as far back as forth; the side that the thumb is on was taken",
            "its opposite if the palm is on the other side, and then the other `side`",
            is_needed=False,
        )
    link, offset = _wrist(skeleton, proposal, frame, palm)
    R = frame.hand.T[link][:3, :3]
    chirality = float(np.cross(frame.forward, normal) @ frame.thumbwards)
    side = "right" if chirality > 0 else "left"
    hint = side_of(" ".join((skeleton.description.path.stem, *skeleton.description.links)))
    if use_names and frame.thumb_side < 0.15 and hint is not None:
        side = hint
        proposal.remarks.append(f"the side is {side} by its names: the thumb stands in the middle")
    elif frame.thumb_side < 0.15 or (use_names and hint not in (None, side)):
        proposal.leave(
            "side",
            "the thumb stands in the middle of the fingers"
            if frame.thumb_side < 0.15
            else f"the thumb is where a {side} hand has it, but names say {hint}",
            f"`side: {'left' if side == 'right' else 'right'}` if it is the other hand",
            is_needed=False,
        )
    proposal.decide("side", side, "which side of the fingers the thumb is on, palm up")
    proposal.decide("palm", point(link, offset), "furthest back of what carries the fingers")
    proposal.decide("forward", direction(R.T @ frame.forward), "the way stretched fingers point")
    proposal.decide("palm_normal", direction(R.T @ normal), "the way fingertips go when bending")
    middle = named.get("middle", named["index"])
    wrist = frame.hand.T[link][:3, 3] + R @ offset
    length = float(np.linalg.norm(frame.hand.tip(middle) - wrist))
    proposal.remarks.append(
        f"wrist to {'middle' if 'middle' in named else 'index'} fingertip {1e3 * length:.0f} mm: "
        f"{length / HUMAN_HAND_M:.2f} of a mean human hand; `scale` is found from each person's "
        "own fingers when left out"
    )


def _wrist(
    skeleton: Skeleton, proposal: Proposal, frame: _Frame, palm: int
) -> tuple[str, Float[np.ndarray, " 3"]]:
    """Link and offset of the point that stands for the human wrist."""
    T = frame.hand.T
    knuckles = frame.knuckles.mean(axis=0)
    carriers = _carriers(skeleton, palm)
    # One hand has one palm point from any file: it follows from the fingers, not from where a
    # file puts its links.
    wrist = knuckles - PALM_SHARE * frame.finger_m * frame.forward
    links = skeleton.parts[palm].links
    near = [k for k in links if np.linalg.norm(T[k][:3, 3] - wrist) < NEAR_SHARE * frame.finger_m]
    if near:
        return next((k for k in near if k in carriers), near[-1]), np.zeros(3)
    link = carriers[0] if carriers else links[-1]
    offset = se3.apply(se3.inverse(T[link]), wrist[None])[0]
    proposal.guess(
        "palm",
        "no link of the palm lies where a wrist would; a point "
        f"{1e3 * PALM_SHARE * frame.finger_m:.0f} mm behind the knuckles was taken",
        "`palm: {link: ..., offset_m: [x, y, z]}` if the hand is mounted elsewhere",
    )
    return link, offset


def _carriers(skeleton: Skeleton, palm: int) -> list[str]:
    """Links of the palm that fingers are fixed to, the one of most fingers first."""
    joints = [skeleton.parts[child].joint for child in skeleton.parts[palm].children]
    counts = Counter(joint.parent for joint in joints if joint is not None)
    return [link for link, _ in counts.most_common()]


def _decide_fingers(
    skeleton: Skeleton,
    proposal: Proposal,
    frame: _Frame,
    named: dict[str, Finger],
    *,
    use_names: bool,
) -> None:
    for name, finger in named.items():
        place = "bends apart from the others" if name == "thumb" else "in order from the thumb"
        reason = f"{place}; {finger.tip_from}"
        proposal.decide(("tips", name), point(finger.tip_link, finger.tip_offset_m), reason)
        if finger.tip_from.startswith("assumed"):
            proposal.leave(
                f"tips.{name}.offset_m",
                f"nothing is drawn on {finger.tip_link!r} to see where it ends",
                "the fingertip in that link [m]",
                is_needed=False,
            )
        word = finger_of(finger.tip_link)
        if use_names and word not in (None, name) and not (word == "little" and len(named) < 5):
            proposal.leave(
                f"tips.{name}",
                f"by its place {finger.tip_link!r} is the {name} finger, by its name the {word}",
                "look at both; change the keys of `tips` and `middles` if the name is right",
                is_needed=False,
            )
    for name, finger in named.items():
        middle = _middle(skeleton, frame, name, finger)
        if middle is not None:
            what = "before its last bone" if name == "thumb" else "where it bends second"
            proposal.decide(("middles", name), point(skeleton.entry(middle)), what)
    if len(named) == 4:
        proposal.leave(
            "tips",
            "three fingers beside the thumb are taken for index, middle and ring",
            "`little` instead of `ring` if the outermost is to follow the little finger",
            is_needed=False,
        )


def _middle(skeleton: Skeleton, frame: _Frame, name: str, finger: Finger) -> int | None:
    """The part that begins at a finger's middle joint; at the thumb's middle one of three."""
    if name == "thumb":
        return finger.parts[-2] if len(finger.parts) >= 3 else finger.parts[-1]
    bends = bending_parts(skeleton, finger, frame.hand, frame.across)
    return bends[1] if len(bends) >= 2 else None
