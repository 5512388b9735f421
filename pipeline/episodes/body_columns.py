"""Columns about the person whose whole body the robot follows."""

from __future__ import annotations

from typing import Any

import numpy as np

from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import Window
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, BodyTrack

BODY_JOINT_NAMES = tuple(f"{joint}.{axis}" for joint in BODY_JOINTS for axis in "xyz")


def body_features(window: Window) -> dict[str, Feature]:
    """`track.body.*`: joints, whether they were seen, contact, sigma; none without a lifted body.

    Joints are NaN where the source does not have them or nothing is known.
    """
    part = _body(window)
    if part is None or part.joints_m is None:
        return {}
    resampler = window.resampler
    joints_m = part.joints_m if part.T_world_source is None else part.joints_world_m
    out = {
        "track.body.joints": Feature(
            resampler.linear(joints_m.reshape(-1, 3 * len(BODY_JOINTS))),
            BODY_JOINT_NAMES,
            "m",
            "21 body joints in the frame that `scene.body_frame` of the episode names: `world` "
            "(z up, ground at 0) or `source` (the camera's or the motion file's own).",
        ),
        "track.body.seen": Feature(
            resampler.both(part.valid)[:, None],
            ("seen",),
            "1",
            "The body was observed, not filled in by the smoother.",
        ),
    }
    if part.contact is not None:
        out["track.body.contact"] = Feature(
            part.contact[resampler.nearest], SIDES, "1", "The foot stands on the ground."
        )
    if part.sigma_m is not None:
        out["track.body.sigma"] = Feature(
            resampler.linear(part.sigma_m),
            ("x", "y", "z"),
            "m",
            "1-sigma of the body's position along the source's axes.",
        )
    return out


def body_scene(window: Window) -> dict[str, Any]:
    """In which frame the joints stand, and where the world frame is."""
    part = _body(window)
    if part is None or part.joints_m is None:
        return {}
    if part.T_world_source is None:
        return {"body_frame": "source"}
    T_world_source = np.round(part.T_world_source, 9).tolist()
    return {"body_frame": "world", "T_world_source": T_world_source}


def _body(window: Window) -> BodyTrack | None:
    body = window.tracks.get(f"body.{window.subject}")
    return window.cut(body) if isinstance(body, BodyTrack) else None
