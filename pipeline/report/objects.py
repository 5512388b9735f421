"""What hands hold, in the report: strips of contact under the curves, and the thing's own way."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.converters.object_frame import OBJECT_FRAME
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.timeline import column, times

STRIPS: tuple[tuple[str, str, str], ...] = (
    ("label.object_held", "thing seen to move with the hand", charts.COLORS[3]),
    ("track.grasp", "gripper holds", charts.COLORS[0]),
)
"""Columns that say when something is held, what they say, and a color of each."""
MOTION, FRAME = "label.object_motion", "label.object_frame"


def held_strips(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """A timeline of contact as seen and one of the gripper, as far as they are in the dataset."""
    time_s = times(dataset, episode)
    out = []
    for name, said, color in STRIPS:
        if name in episode.columns:
            held = column(episode, name)[:, 0] > 0.5
            count = f": {int(held.sum())} of {len(held)} rows"
            out.append(charts.flags(time_s, held, said, color=color, note=count))
    return out


def thing_way(dataset: Dataset, episode: EpisodeRows) -> Float[np.ndarray, "time 3"] | None:
    """Where the thing is in the robot's base frame [m]; `None` where that is nowhere known."""
    names = dataset.names(MOTION) if MOTION in episode.columns else []
    if names[:3] != ["x", "y", "z"]:
        return None
    path_m = column(episode, MOTION)[:, :3]
    return path_m if np.isfinite(path_m).all(axis=1).any() else None


def in_base(
    dataset: Dataset, episode: EpisodeRows, ee_m: Float[np.ndarray, "time 3"]
) -> Float[np.ndarray, "time 3"]:
    """Places of the action's end effector in the base frame, where the action is in a thing's."""
    if (dataset.rotoscope("contract.json") or {}).get("frame") != OBJECT_FRAME:
        return ee_m
    if FRAME not in episode.columns:
        return np.full_like(ee_m, np.nan)
    pose = column(episode, FRAME)
    T_base_object = se3.make(se3.exp_so3(pose[:, 3:6]), pose[:, :3])
    return np.asarray(se3.apply(T_base_object, ee_m[:, None])[:, 0])
