"""Grippers found by geometry: fingers that slide, linkages, and one jaw against a still one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.fingertips import inner_end
from rotoscope.retarget.onboarding.hand_view import Way
from rotoscope.retarget.onboarding.jaw_view import JawView
from rotoscope.retarget.onboarding.skeleton import Skeleton

GRIPPER_M = 0.35
"""Longest way from where a gripper's fingers begin to their ends [m]."""
MIN_OPENING_M = 0.015
"""Fingers that come no further apart than this are none [m]."""
GRASP_M = 0.04
"""Width of a usual grasp [m]: the frame of jaws, whose middle wanders, is between the tips then."""
REACH_SHARE = 0.7
"""A part whose end is less far out than this share of the longest finger is no finger."""
MEETS_SHARE = 0.3
"""Jaws come to less than this share of their widest gap as they close; what else turns at the end
of an arm, such as a wrist, does not. SO-101 has .02, Koch .04, Z1 less."""
START = 0.005
"""Share of the way that is left out where fingers meet before the end of their joints."""
NUM_STEPS = 17
"""Openings that are looked at between the ends of the joints."""


@dataclass(frozen=True, eq=False)
class Tip:
    """The inner end of a finger."""

    link: str
    """The link that has it."""
    offset_m: Float[np.ndarray, " 3"]
    """Where, in that link [m]."""


@dataclass(frozen=True, eq=False)
class Gripper:
    """Two fingers, or groups of fingers, that close on each other."""

    hand: int
    """The part that carries them."""
    joints: dict[str, tuple[float, float]]
    """Independent joints that move them, with their values closed and open [rad or m]."""
    tips: tuple[Tip, Tip]
    """Their inner ends."""
    approach: Float[np.ndarray, " 3"]
    """From the hand to what is grasped, in the hand's first link."""
    closing: Float[np.ndarray, " 3"]
    """Along which the fingers close, in the hand's first link."""
    origin_m: Float[np.ndarray, " 3"]
    """Between the tips, in the hand's first link [m]."""
    opening_m: Float[np.ndarray, " step"]
    """Distance of the tips less that when closed, over the way of the joints [m]."""
    is_jaw: bool
    """Whether one finger stands still."""

    @property
    def max_opening_m(self) -> float:
        """Distance between the fingers at full opening [m]."""
        return float(self.opening_m[-1])

    def least_gain(self) -> float:
        """Least change of the opening over the whole way of its joints [m]."""
        return float(np.diff(self.opening_m).min()) * (len(self.opening_m) - 1)


def find_gripper(skeleton: Skeleton, hand: int) -> Gripper | None:
    """The gripper whose fingers hang on a part; `None` where what hangs on it is none."""
    finder = _Finder(skeleton, hand)
    if not finder.joints or not finder.children or finder.size_m() > GRIPPER_M:
        return None
    return finder.find()


class _Finder(JawView):
    """Looks for two fingers among what hangs on a part."""

    def find(self) -> Gripper | None:
        branches = [self.skeleton.below(child) for child in self.children]
        approach = self.approach(branches)
        fingers = self.fingers(branches, approach)
        if len(fingers) >= 2:
            return self.between(fingers, approach)
        if len(self.children) == 1 and not self.skeleton.parts[self.children[0]].children:
            return self.jaw(self.children[0])
        return None

    def fingers(self, branches: list[list[int]], approach: np.ndarray) -> list[list[int]]:
        """Branches that reach as far out as any: the bars of linkages end earlier."""
        middle = self.middle()
        clouds = [self.seen(branch, middle) for branch in branches]
        tops = [float((c.points @ approach).max()) if not c.is_empty else -np.inf for c in clouds]
        start = min(float((c.points @ approach).min()) for c in clouds if not c.is_empty)
        need = start + REACH_SHARE * (max(tops) - start)
        moving = self.moved(branches)
        return [b for b, top, m in zip(branches, tops, moving, strict=True) if top >= need and m]

    def moved(self, branches: list[list[int]]) -> list[bool]:
        """Whether any joint moves a branch's end by more than a few millimeters."""
        found = []
        for branch in branches:
            spans = []
            for name in self.joints:
                low, high = self.ends(name)
                a, b = (self.seen(branch, {**self.middle(), name: v}).points for v in (low, high))
                spans.append(float(np.linalg.norm(a - b, axis=1).max(initial=0.0)))
            found.append(max(spans, default=0.0) > 0.004)
        return found

    def between(self, fingers: list[list[int]], approach: np.ndarray) -> Gripper | None:
        way = self.way(fingers, approach)
        centers = [
            [self.end_of(finger, way.at(share), approach) for finger in fingers]
            for share in (0.0, 1.0)
        ]
        shift = np.array(centers[1]) - np.array(centers[0])
        shift -= np.outer(shift @ approach, approach)
        first = int(np.argmax(np.linalg.norm(shift, axis=1)))
        if np.linalg.norm(shift[first]) < 1e-3:
            return None
        # Fingers that open one way are one side, the others, and those that stand, the other one.
        sides = shift @ shift[first] > 0.25 * float(shift[first] @ shift[first])
        groups = [
            [
                p
                for finger, side in zip(fingers, sides, strict=True)
                if side == which
                for p in finger
            ]
            for which in (True, False)
        ]
        if not all(groups):
            return None
        opened = np.array(centers[1])
        closing = opened[sides].mean(axis=0) - opened[~sides].mean(axis=0)
        return self.made(way, groups, approach, closing, is_jaw=False)

    def way(self, fingers: list[list[int]], approach: np.ndarray) -> Way:
        """Closed is where the ends of the fingers are nearest, open where they are farthest."""
        ends = {name: self.ends(name) for name in self.joints}

        def spread(values: Mapping[str, float]) -> float:
            at = np.array([self.end_of(finger, values, approach) for finger in fingers])
            at -= np.outer(at @ approach, approach)
            return float(np.linalg.norm(at - at.mean(axis=0), axis=1).sum())

        if len(ends) <= 3:
            corners = [
                dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())
            ]
            spreads = [spread(corner) for corner in corners]
            closed, opened = corners[int(np.argmin(spreads))], corners[int(np.argmax(spreads))]
        else:
            closed, opened = self.middle(), self.middle()
            for name, (low, high) in ends.items():
                a, b = (spread({**self.middle(), name: value}) for value in (low, high))
                closed[name], opened[name] = (low, high) if a < b else (high, low)
        used = [name for name in ends if closed[name] != opened[name]]
        return Way({n: closed[n] for n in used}, {n: opened[n] for n in used})

    def jaw(self, child: int) -> Gripper | None:
        """One part that closes on the part that carries it; `None` where the two do not meet."""
        joint = self.skeleton.parts[child].joint
        assert joint is not None
        if joint.kind != "revolute" or joint.name not in self.joints:
            return None
        low, high = self.ends(joint.name)
        at_low, at_high = (self.gap(child, {joint.name: value}) for value in (low, high))
        if at_low is None or at_high is None:
            return None
        if min(at_low, at_high) > MEETS_SHARE * max(at_low, at_high):
            return None
        closed, opened = (low, high) if at_low < at_high else (high, low)
        way = Way({joint.name: closed}, {joint.name: opened})
        still, moving = self.ends_of_jaw(child, way.closed)
        if still.is_empty:
            return None
        approach = self.snapped(0.5 * (still.points.mean(axis=0) + moving.points.mean(axis=0)))
        apart = self.ends_of_jaw(child, way.at(0.25))[1].points.mean(axis=0)
        closing = apart - still.points.mean(axis=0)
        return self.made(way, [[child], [self.hand]], approach, closing, is_jaw=True)

    def made(
        self,
        way: Way,
        groups: list[list[int]],
        approach: np.ndarray,
        closing: np.ndarray,
        *,
        is_jaw: bool,
    ) -> Gripper | None:
        closing = closing - (closing @ approach) * approach
        if np.linalg.norm(closing) < 1e-6 or not way.closed:
            return None
        closing = closing / np.linalg.norm(closing)
        T = self.poses(way.closed)
        T_hand = T[self.skeleton.entry(self.hand)]
        tips = []
        for group, inwards in zip(groups, (-closing, closing), strict=True):
            finger = (
                self.ends_of_jaw(group[0], way.closed)[1]
                if is_jaw
                else self.seen(group, way.closed)
            )
            if is_jaw and group == [self.hand]:
                finger = self.ends_of_jaw(groups[0][0], way.closed)[0]
            link, point = inner_end(finger, approach, inwards)
            offset = se3.apply(se3.inverse(T[link]) @ T_hand, point[None])[0]
            tips.append(Tip(link, offset))
        gripper = Gripper(
            hand=self.hand,
            joints={n: (way.closed[n], way.open[n]) for n in way.closed},
            tips=(tips[0], tips[1]),
            approach=approach,
            closing=closing,
            origin_m=np.zeros(3),
            opening_m=np.zeros(2),
            is_jaw=is_jaw,
        )
        return self.measured(gripper, way)

    def measured(self, gripper: Gripper, way: Way) -> Gripper | None:
        """The same with its openings, cut where the fingers meet and where they are farthest."""
        share = np.linspace(0.0, 1.0, NUM_STEPS)
        lengths = np.linalg.norm(self.apart(gripper, way, share), axis=1)
        nearest, farthest = int(np.argmin(lengths)), int(np.argmax(lengths))
        if nearest >= farthest:
            return None
        # They meet between two of the steps.
        fine = np.linspace(share[max(nearest - 1, 0)], share[nearest + 1], 2 * NUM_STEPS)
        apart = np.linalg.norm(self.apart(gripper, way, fine), axis=1)
        start = float(fine[int(np.argmin(apart))])
        # A little further open, past where they slide along each other and files round.
        start += START * (float(share[farthest]) - start) if start > 0 or nearest > 0 else 0.0
        way = way.cut(start, float(share[farthest]))
        steps = np.linspace(0.0, 1.0, NUM_STEPS)
        lengths = np.linalg.norm(self.apart(gripper, way, steps), axis=1)
        opening = lengths - lengths[0]
        if opening[-1] < MIN_OPENING_M or not (np.diff(opening) > -1e-4).all():
            return None
        at = float(np.interp(min(GRASP_M, 0.5 * opening[-1]), opening, steps))
        return replace(
            gripper,
            joints={n: (way.closed[n], way.open[n]) for n in way.closed},
            origin_m=self.tips_at(gripper, way, at).mean(axis=0),
            opening_m=opening,
        )

    def apart(self, gripper: Gripper, way: Way, share: np.ndarray) -> np.ndarray:
        tips = np.array([self.tips_at(gripper, way, float(s)) for s in share])
        return np.asarray(tips[:, 0] - tips[:, 1])

    def tips_at(self, gripper: Gripper, way: Way, share: float) -> Float[np.ndarray, "2 3"]:
        T = self.poses(way.at(share))
        inverse = se3.inverse(T[self.skeleton.entry(self.hand)])
        return np.array([se3.apply(inverse @ T[t.link], t.offset_m[None])[0] for t in gripper.tips])
