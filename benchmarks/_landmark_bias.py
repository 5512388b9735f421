"""Fits the table of `rotoscope.models.views.landmark_bias` and prints it.

`ROTOSCOPE_HANDS=... python -m benchmarks._landmark_bias`: MediaPipe's landmarks against the points
that they mean, on scenes that chose other constants as well and that no figure is reported on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks import _hand_kinds, _rendered_scenes
from rotoscope.models.views.landmark_bias import terms
from rotoscope.pipeline.geometry import hand_frame, pinhole
from rotoscope.pipeline.tracks import Side

HUBER = 0.04
"""Landmarks further off than this share of a palm count less and less."""
PENALTY = 20.0
"""Weight of the squared steps, in rows: a clip counts as 16."""
_CLIP_ROWS = 16
_EVERY = 3
"""Frames of the clips at 30 Hz that count."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of one right hand, left ones mirrored."""

    R: Float[np.ndarray, "time 3 3"]
    values: Float[np.ndarray, "time 21 4"]
    away: Float[np.ndarray, "time 21 2"]
    """Landmarks from where they should be, in palm lengths at the joint's distance."""


def seen_of(
    joints_m: Float[np.ndarray, "time 21 3"],
    landmarks_px: Float[np.ndarray, "time 21 2"],
    K: Float[np.ndarray, "3 3"],
    side: Side,
) -> Seen:
    """Errors of landmarks and what they may depend on."""
    mirror = np.array([-1.0 if side == "left" else 1.0, 1.0, 1.0])
    palm_m = np.linalg.norm(joints_m[:, hand_frame.MIDDLE_MCP] - joints_m[:, 0], axis=1)
    off_px = landmarks_px - pinhole.project(joints_m, K)
    away = off_px * joints_m[..., 2:] / K[0, 0] / palm_m[:, None, None] * mirror[:2]
    return Seen(*terms(joints_m * mirror), away)


def development() -> Iterator[Seen]:
    """The clips that it learns from."""
    from benchmarks._hand_scenes import see

    for scenes in _hand_kinds.scenes_of("development").values():
        for scene in scenes:
            if scene.origin == "anny":
                seen = see(scene)
                rows = seen.track.valid
                yield seen_of(
                    seen.joints_m[rows], seen.track.landmarks_px[rows], seen.K, scene.side
                )
    yield from _filmed()


def _filmed() -> Iterator[Seen]:
    from benchmarks._hand_scenes import _landmarks
    from rotoscope.models.rendered_hands import rendered_clip
    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    for scene in _rendered_scenes.DEVELOPMENT:
        if len(scene.sides) > 1:
            continue
        clip, side = rendered_clip(scene), scene.sides[0]
        frames = read_frames(probe(clip.path))
        found = _landmarks([frame.rgb for i, frame in enumerate(frames) if i % _EVERY == 0])
        is_own = (found["right"] > 0.5) == (side == "right")
        rows = np.isfinite(found["right"]) & is_own
        joints_m = clip.hands[side].joints_m[::_EVERY][rows]
        yield seen_of(joints_m, found["landmarks_px"][rows], scene.K, side)


def fit(clips: list[Seen]) -> Float[np.ndarray, "21 3 4"]:
    """Steps by landmark, axis and term: Huber's loss, each clip counts as much."""
    R = np.concatenate([clip.R for clip in clips])
    values, away = (np.concatenate([getattr(c, k) for c in clips]) for k in ("values", "away"))
    counts = np.concatenate([np.full(len(c.R), _CLIP_ROWS / len(c.R)) for c in clips])
    out = np.zeros((21, 3, 4))
    for landmark in range(21):
        design = np.einsum("tai,tk->taik", R[:, :2], values[:, landmark]).reshape(len(R), 2, 12)
        step = np.zeros(12)
        for _ in range(6):
            residual = np.linalg.norm(away[:, landmark] - design @ step, axis=1)
            weight = counts * np.minimum(1.0, HUBER / np.maximum(residual, 1e-9))
            normal = np.einsum("t,tai,taj->ij", weight, design, design) + PENALTY * np.eye(12)
            right = np.einsum("t,tai,ta->i", weight, design, away[:, landmark])
            step = np.linalg.solve(normal, right)
        out[landmark] = step.reshape(3, 4)
    return out


if __name__ == "__main__":
    for row in np.rint(1000 * fit(list(development()))).astype(int).reshape(21, 12):
        print(" ".join(map(str, row)))
