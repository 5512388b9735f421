"""Balls that stand for a humanoid's parts, from what is drawn of them, and which keep apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.onboarding.body import Body
from rotoscope.retarget.onboarding.proposal import Proposal, point
from rotoscope.retarget.onboarding.skeleton import Skeleton
from rotoscope.retarget.onboarding.soles import Sole

FREE_M = 0.005
"""Pairs of balls that stand this much apart at rest are kept apart [m]: parts that touch there are
neighbors, or balls that are too large."""
SLAB = 0.2
"""What is drawn within this share of a bone of its point tells how thick it is there."""
THICK_PERCENT = 75.0
"""Share of what is drawn there that is no further from the bone than the radius [%]."""
NARROWEST = 0.03
"""Smallest radius, as a share of the leg."""
WIDEST = 0.18
"""Largest radius, as a share of the leg."""
PAIRS = (
    *(
        (f"left_{a}", f"right_{b}")
        for a, b in (
            ("knee", "knee"),
            ("shin", "shin"),
            ("foot_front", "foot_front"),
            ("foot_front", "foot_back"),
            ("foot_back", "foot_front"),
            ("foot_back", "foot_back"),
            ("hand", "hand"),
        )
    ),
    *(
        (f"{side}_{a}", b)
        for side in SIDES
        for a, b in (
            ("hand", "torso_low"),
            ("hand", "torso_high"),
            ("hand", "pelvis"),
            ("hand", "head"),
            ("elbow", "torso_low"),
            ("elbow", "torso_high"),
            ("hand", "left_thigh"),
            ("hand", "right_thigh"),
        )
    ),
)
"""Parts of a person that can meet."""


@dataclass(frozen=True)
class Ball:
    """A ball fixed to a link."""

    link: str
    """The link."""
    center_m: Float[np.ndarray, " 3"]
    """Its middle at zero, in the body's frame [m]."""
    radius_m: float
    """Its radius [m]."""


def decide_spheres(
    skeleton: Skeleton,
    proposal: Proposal,
    body: Body,
    soles: dict[str, Sole],
    rest: dict[str, Float[np.ndarray, "4 4"]],
) -> None:
    """Writes down balls and the pairs of them that are free at rest.

    Args:
        skeleton: The robot's parts and what is drawn of them.
        proposal: What is decided.
        body: Its limbs.
        soles: Left and right.
        rest: Poses of all links at rest, in any one frame [m].
    """
    balls = _balls(skeleton, proposal, body, soles)
    if not balls:
        proposal.remarks.append("no spheres are proposed, because nothing is drawn")
        return
    for name, ball in balls.items():
        inside = se3.apply(se3.inverse(body.T[ball.link]), ball.center_m[None])[0]
        written = {**point(ball.link, inside), "radius_m": round(ball.radius_m, 3)}
        proposal.decide(("spheres", name), written, "half as thick as what is drawn there")
    pairs = [[a, b] for a, b in PAIRS if {a, b} <= set(balls) and _free(balls, body, a, b, rest)]
    proposal.decide("apart", pairs, f"free at rest by {1e3 * FREE_M:g} mm or more")
    proposal.guess(
        "spheres", "their places and radii follow a person's parts", "others where it is stouter"
    )


def _balls(
    skeleton: Skeleton, proposal: Proposal, body: Body, soles: dict[str, Sole]
) -> dict[str, Ball]:
    out: dict[str, Ball | None] = {}
    facts = proposal.mapping().get("body", {})

    def known(name: str) -> tuple[str, Float[np.ndarray, " 3"]]:
        said = facts[name]
        T = body.T[said["link"]]
        return said["link"], T[:3, :3] @ np.array(said.get("offset_m", (0, 0, 0))) + T[:3, 3]

    (pelvis, hips), (chest, neck) = known("pelvis"), known("neck")
    for name, link, share in (
        ("pelvis", pelvis, 0.1),
        ("torso_low", chest, 0.4),
        ("torso_high", chest, 0.8),
    ):
        center = hips + share * (neck - hips)
        out[name] = _ball(skeleton, body, link, center, neck - hips, by=10.0)
    if "head" in facts:
        link, center = known("head")
        out["head"] = Ball(link, center, 0.11 * body.leg_m)
    for side in SIDES:
        out |= _limb_balls(skeleton, body, side, soles[side], dict(hand=known(f"{side}_hand")))
    return {name: ball for name, ball in out.items() if ball is not None}


def _limb_balls(
    skeleton: Skeleton,
    body: Body,
    side: str,
    sole: Sole,
    ends: dict[str, tuple[str, Float[np.ndarray, " 3"]]],
) -> dict[str, Ball | None]:
    leg, arm = body.legs[side], body.arms[side]  # type: ignore[index]  # a side's name
    hip, knee = (body.T[skeleton.entry(p)][:3, 3] for p in (leg.first, leg.middle))
    elbow = body.T[skeleton.entry(arm.middle)][:3, 3]
    thigh = skeleton.entry(leg.parts[leg.bend.middle - 1])
    link, hand = ends["hand"]
    out = {
        f"{side}_hand": _ball(skeleton, body, link, hand, hand - arm.bend.end_m),
        f"{side}_elbow": _ball(
            skeleton, body, skeleton.entry(arm.middle), elbow, arm.bend.end_m - elbow
        ),
        f"{side}_thigh": _ball(skeleton, body, thigh, 0.5 * (hip + knee), knee - hip),
        f"{side}_knee": _ball(
            skeleton, body, skeleton.entry(leg.middle), knee, leg.bend.end_m - knee
        ),
        f"{side}_shin": _ball(
            skeleton,
            body,
            skeleton.entry(leg.middle),
            0.5 * (knee + leg.bend.end_m),
            leg.bend.end_m - knee,
        ),
    }
    width = float(np.ptp(sole.corners_m[:, 1]))
    radius = float(np.clip(0.4 * width, NARROWEST * body.leg_m, 0.1 * body.leg_m))
    length = float(np.ptp(sole.corners_m[:, 0]))
    for name, at, way in (("front", sole.toe_m, -1.0), ("back", sole.heel_m, 1.0)):
        center = at + np.array([way * min(radius, 0.25 * length), 0.0, radius])
        out[f"{side}_foot_{name}"] = Ball(skeleton.entry(leg.last), center, radius)
    return out


def _ball(
    skeleton: Skeleton,
    body: Body,
    link: str,
    center_m: Float[np.ndarray, " 3"],
    bone: Float[np.ndarray, " 3"],
    by: float = 1.0,
) -> Ball | None:
    """A ball as thick as what is drawn about a point of a bone; `None` where nothing is."""
    links = skeleton.parts[skeleton.part_of[link]].links
    drawn = [se3.apply(body.T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
    if not drawn:
        return None
    length = float(np.linalg.norm(bone))
    way = bone / max(length, 1e-9)
    off = np.concatenate(drawn) - center_m
    along = off @ way
    near = np.abs(along) <= max(SLAB * length, 0.1 * body.leg_m)
    if not near.any():
        return None
    across = np.linalg.norm(off - along[:, None] * way, axis=1)[near]
    if by > 1.0:
        # A trunk is wider than deep: its ball goes from chest to back.
        across = np.abs(off[near, 0])
    low, high = NARROWEST * body.leg_m, WIDEST * body.leg_m
    return Ball(link, center_m, float(np.clip(np.percentile(across, THICK_PERCENT), low, high)))


def _free(balls: dict[str, Ball], body: Body, a: str, b: str, rest: dict[str, np.ndarray]) -> bool:
    centers = []
    for name in (a, b):
        ball = balls[name]
        inside = se3.apply(se3.inverse(body.T[ball.link]), ball.center_m[None])
        centers.append(se3.apply(rest[ball.link], inside)[0])
    gap = float(np.linalg.norm(centers[1] - centers[0]))
    return gap - balls[a].radius_m - balls[b].radius_m >= FREE_M
