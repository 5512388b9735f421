"""Gaps that optical flow bridges, and hands that are seen end on, against exact truth.

Detections of rendered hands are left out in gaps of one to six frames, in pictures as they are (a
detector that flickers), blurred, or blank; frames that flow brings back are compared with the truth
and with what the detector had made of the same frames. Constants were chosen on `DEVELOPMENT` of
`_rendered_scenes`; these figures are of the scenes held out. Of hands seen end on MediaPipe draws
the landmarks together in some frames, so that they seem too far away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from benchmarks._rendered_lift import Perceived, errors, lift, perceive
from benchmarks._rendered_scenes import END_ON_HELD_OUT, HELD_OUT
from benchmarks.figure import Bar, Figure
from rotoscope.models.hands.bridge import carry
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import HandTrack
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.read import read_frames

GAPS = (1, 3, 6)
"""Frames of a gap: .07, .13 and .23 s from one detection to the next."""
BLURS_PX = (9, 13, 21)
"""Lengths of motion blur [px]; hands are 80 to 250."""
TOO_FAR = 1.25
"""A hand is drawn together where it is farther than the truth by this factor."""
_INSIDE = Bar(">=", 0.9)


def run() -> list[Figure]:
    """All figures; four minutes of CPU, and ten more the first time."""
    seen = [perceive(scene) for scene in HELD_OUT]
    return [
        *(figure for gap in GAPS for figure in _flicker(seen, gap)),
        *_pictures(seen),
        *_end_on([perceive(scene) for scene in END_ON_HELD_OUT]),
    ]


def _dropped(num_frames: int, gap: int) -> np.ndarray:
    out = np.zeros(num_frames, bool)
    for start in range(3, num_frames - gap - 2, gap + 3):
        out[start : start + gap] = True
    return out


def _flicker(seen: list[Perceived], gap: int) -> Iterator[Figure]:
    """Detections left out, intrinsics and hand size given."""
    bridged, detected, num_dropped = [], [], 0
    for one in seen:
        detector, _ = lift(one, is_calibrated=True)
        dropped = _dropped(one.rendered.scene.num_frames, gap)
        hands: Tracks = {}
        for name, hand in one.hands.items():
            assert isinstance(hand, HandTrack)
            hands[name] = hand.replace(valid=hand.valid & ~dropped)
        flow, _ = lift(Perceived(one.rendered, one.clip, hands), is_calibrated=True)
        for side in one.rendered.hands:
            name = f"hands.{side}"
            own, carried, found = detector[name], flow[name], one.hands[name]
            assert isinstance(own, HandTrack)
            assert isinstance(carried, HandTrack)
            assert isinstance(found, HandTrack)
            num_dropped += int((dropped & found.valid).sum())
            if carried.bridged is None or not (both := carried.bridged & own.valid).any():
                continue
            bridged.append(_in_sigmas(one, carried.replace(valid=both)))
            detected.append(_in_sigmas(one, own.replace(valid=both)))
    name = f"bridged_hands.gap_{gap}"
    yield Figure(f"{name}.bridged", sum(map(len, bridged)) / num_dropped, "1")
    for who, rows in (("bridged", np.concatenate(bridged)), ("detected", np.concatenate(detected))):
        bar = _INSIDE if who == "bridged" else None
        for column, axis in enumerate(("x", "y", "z", "rotation")):
            inside = float((rows[:, column] <= 2).mean())
            yield Figure(f"{name}.{who}.inside_{axis}", inside, "1", bar)
        yield Figure(f"{name}.{who}.position_median", 1e3 * float(np.median(rows[:, 4])), "mm")
        yield Figure(
            f"{name}.{who}.rotation_median", float(np.degrees(np.median(rows[:, 5]))), "deg"
        )


def _in_sigmas(seen: Perceived, hand: HandTrack) -> Float[np.ndarray, "row 6"]:
    """Errors along the axes and of the rotation over their sigma, then both as they are."""
    tracks: Tracks = {f"hands.{side}": hand for side in seen.rendered.hands}
    error = next(e for e in errors(seen, tracks) if e.side == hand.side)
    assert hand.sigma_position_m is not None
    assert hand.sigma_rotation_rad is not None
    return np.column_stack(
        [
            np.abs(error.position_m) / hand.sigma_position_m[hand.valid],
            error.rotation_rad / hand.sigma_rotation_rad[hand.valid],
            np.linalg.norm(error.position_m, axis=1),
            error.rotation_rad,
        ]
    )


def _pictures(seen: list[Perceived]) -> Iterator[Figure]:
    """Share of the frames of gaps that are bridged where the pictures are spoiled."""
    import cv2

    kinds: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        **{f"blur_{px}": lambda rgb, px=px: cv2.blur(rgb, (px, 1)) for px in BLURS_PX},
        "blank": lambda rgb: np.full_like(rgb, 90),
    }
    for kind, spoil in kinds.items():
        parts = [part for one in seen for part in _spoiled(one, spoil)]
        num, carried, error = (sum(values) for values in zip(*parts, strict=True))
        bar = Bar("==", 0) if kind == "blank" else None
        yield Figure(f"bridged_hands.{kind}.bridged", carried / num, "1", bar)
        if carried:
            yield Figure(f"bridged_hands.{kind}.off", 100 * error / carried, "% of hand")


def _spoiled(
    seen: Perceived, spoil: Callable[[np.ndarray], np.ndarray], gap: int = 3
) -> Iterator[tuple[int, int, float]]:
    """Frames in gaps, those carried, and how far they are from the detections, added up."""
    frames = [frame.rgb for frame in read_frames(seen.clip.video)]
    dropped = _dropped(len(frames), gap)
    shown = [spoil(rgb) if gone else rgb for rgb, gone in zip(frames, dropped, strict=True)]

    def read(start: int, end: int) -> Iterator[Frame]:
        for index in range(start, end):
            yield Frame(index, seen.clip.time_s[index], lambda index=index: shown[index])

    for side in seen.rendered.hands:
        hand = seen.hands[f"hands.{side}"]
        assert isinstance(hand, HandTrack)
        known = {"hand": (hand.landmarks_px, hand.valid & ~dropped)}
        found = carry(known, seen.clip.time_s, read, max_gap_s=0.25).get("hand")
        num = int((hand.valid & dropped).sum())
        if found is None:
            yield num, 0, 0.0
            continue
        own = hand.landmarks_px[found.rows]
        size_px = np.linalg.norm(np.ptp(own, axis=1), axis=1)
        off = np.linalg.norm(found.landmarks_px - own, axis=2).mean(axis=1) / size_px
        yield num, len(found.rows), float(np.nansum(off))


def _end_on(seen: list[Perceived]) -> Iterator[Figure]:
    """Hands seen end on, whose landmarks are drawn together in some frames."""
    num_rows = num_far = num_inside = 0
    for one in seen:
        lifted, _ = lift(one, is_calibrated=True)
        for side, truth in one.rendered.hands.items():
            hand = lifted[f"hands.{side}"]
            assert isinstance(hand, HandTrack)
            assert hand.joints_m is not None
            assert hand.sigma_position_m is not None
            own, true = (joints[hand.valid, 0, 2] for joints in (hand.joints_m, truth.joints_m))
            num_rows += len(own)
            num_far += int((own > TOO_FAR * true).sum())
            num_inside += int(
                (np.abs(own - true) <= 2 * hand.sigma_position_m[hand.valid, 2]).sum()
            )
    yield Figure("bridged_hands.end_on.rows", num_rows, "rows")
    yield Figure("bridged_hands.end_on.too_far", num_far / num_rows, "1")
    yield Figure("bridged_hands.end_on.inside_z", num_inside / num_rows, "1", _INSIDE)
