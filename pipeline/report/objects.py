"""What hands hold, in the report: strips of contact and phases, and the thing's own way."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.converters.object_frame import OBJECT_FRAME
from rotoscope.pipeline.datasets.phases import GRASP, phases_of
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.timeline import column, times

STRIPS: tuple[tuple[str, str, str], ...] = (
    ("label.object_held", "thing seen to move with the hand", charts.COLORS[3]),
    (GRASP, "gripper holds", charts.COLORS[0]),
)
"""Columns that say when something is held, what they say, and a color of each."""
PHASES = {
    "reach": "#93c5fd",
    "grasp": "#facc15",
    "move": "#ea580c",
    "release": "#a78bfa",
    "withdraw": "#99f6e4",
    "unknown": "#cbd5e1",
}
"""Names of phases, and a color of each."""
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
    dataset: Dataset, episode: EpisodeRows, T_frame_ee: Float[np.ndarray, "time 4 4"]
) -> Float[np.ndarray, "time 4 4"]:
    """Poses of the action's end effector in the base frame, where the action is in a thing's."""
    if (dataset.rotoscope("contract.json") or {}).get("frame") != OBJECT_FRAME:
        return T_frame_ee
    if FRAME not in episode.columns:
        return np.full_like(T_frame_ee, np.nan)
    T_base_ee: np.ndarray = poses(column(episode, FRAME)) @ T_frame_ee
    return T_base_ee


def poses(values: Float[np.ndarray, "time number"]) -> Float[np.ndarray, "time 4 4"]:
    """Poses of rows that begin with a position [m] and a rotation vector [rad]."""
    return np.asarray(se3.make(se3.exp_so3(values[:, 3:6]), values[:, :3]))


def phase_strip(dataset: Dataset, episode: EpisodeRows) -> str:
    """What the hand does with things, phase by phase; empty where nothing says when it holds one.

    The phases that `rotoscope annotate` writes.
    """
    if GRASP not in episode.columns:
        return ""
    found = phases_of(episode, dataset.fps)
    starts = np.array([phase.start for phase in found])
    number = np.searchsorted(starts, np.arange(episode.num_rows), side="right") - 1
    codes = np.array([list(PHASES).index(phase.name) for phase in found])[number]
    names, colors = zip(*PHASES.items(), strict=True)
    return charts.strip(
        times(dataset, episode), codes, names, colors=colors, label="phases", has_key=True
    )
