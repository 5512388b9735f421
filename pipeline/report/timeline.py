"""What is known about every row of an episode: strips and curves over one time axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.tracks import REASONS

VALID, CONFIDENCE = "label.valid", "label.confidence"
"""Columns that only a labeled dataset has."""
REASON_TEXT = {name: name.replace("_", " ") for name in REASONS}
SOLVER_CHARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("angle between the limbs of person and robot", "deg", ("limb_",)),
    ("fingertips, distance from where they should be", "mm", ("tips_", "tip_")),
    ("middle joints, distance from where they should be", "mm", ("middle_",)),
    ("thumb to fingertip, distance from what it should be", "mm", ("pinch_",)),
    ("center of mass inside its support (negative: outside)", "mm", ("balance_",)),
    ("lowest sole over its support, overlap of the robot's parts", "mm", ("lowest_", "overlap_")),
    ("slip of standing feet", "cm/s", ("foot_slip_",)),
    ("joints at a limit", "1", ("joints_at_",)),
)
"""Title, unit and beginnings of names of the columns of `label.solver` that share a chart."""
ROUNDING = 1e-5
"""Datasets hold float32: limits are kept to this [rad, m]."""
RATE_ROUNDING = 1e-3
"""And so are speeds, relative to the limit."""


def reason_strip(dataset: Dataset, episode: EpisodeRows) -> str:
    """Which rows are valid, and why the others are not; empty where nothing says so.

    Raises:
        DatasetError: A reason that means nothing.
    """
    if "label.reason" not in episode.columns:
        return ""
    codes = np.asarray(episode.columns["label.reason"]).ravel().astype(int)
    if codes.min() < 0 or codes.max() >= len(REASONS):
        raise DatasetError(
            f"episode {episode.index}: label.reason reaches from {codes.min()} to {codes.max()}, "
            f"{len(REASONS) - 1} is the last that means something; write the dataset again"
        )
    return charts.strip(times(dataset, episode), codes, list(REASON_TEXT.values()))


def contact_strips(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """One timeline per foot, where contacts are known."""
    name = next((n for n in ("label.contact", "track.body.contact") if n in episode.columns), None)
    if name is None:
        return []
    values = np.asarray(episode.columns[name], float) > 0.5
    time_s = times(dataset, episode)
    return [
        charts.flags(time_s, values[:, i], f"{side} foot on ground")
        for i, side in enumerate(dataset.names(name))
    ]


def violation_strips(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """One timeline per thing that must not be, red where it is."""
    time_s = times(dataset, episode)
    return [
        charts.flags(time_s, is_violated, name, color=charts.VIOLATED, note=_count_of(is_violated))
        for name, is_violated in violations(dataset, episode).items()
    ]


def violations(dataset: Dataset, episode: EpisodeRows) -> dict[str, Bool[np.ndarray, " time"]]:
    """Rows of the actions that break a limit of the contract or a tolerance of the labeler."""
    out: dict[str, Bool[np.ndarray, " time"]] = {}
    contract = _contract(dataset) if "action" in episode.columns else None
    actions = column(episode, "action") if contract is not None else np.zeros((0, 0))
    dimensions = contract.dimensions if contract is not None else ()
    is_limited = any(
        limit is not None and dimension.quantity != "discrete"
        for dimension in dimensions
        for limit in (dimension.lower, dimension.upper, dimension.max_rate)
    )
    if contract is not None and len(dimensions) == actions.shape[1] and is_limited:
        out["outside joint limits"] = contract.violations(actions, tolerance=ROUNDING)
        out["faster than joints can"] = contract.rate_violations(actions, tolerance=RATE_ROUNDING)
    tolerances, solver = _labeler_config(dataset), solver_columns(dataset, episode)
    for name, key, scale, text in (
        (
            "worst_tip_percent",
            "tolerance_tip_share",
            1e2,
            "a fingertip over {:.0f} % of a hand off",
        ),
        ("lowest_sole_mm", "tolerance_depth_m", -1e3, "a sole over {:.0f} mm deep in the ground"),
        ("foot_slip_cm_s", "tolerance_slip_m_s", 1e2, "a standing foot slips over {:.0f} cm/s"),
        ("overlap_mm", "tolerance_overlap_m", 1e3, "parts over {:.0f} mm inside each other"),
        ("limb_max_deg", "tolerance_limb_rad", 180.0 / np.pi, "a limb over {:.0f} deg off"),
    ):
        if name in solver and key in tolerances:
            limit = abs(scale) * tolerances[key]
            out[text.format(limit)] = np.sign(scale) * np.nan_to_num(solver[name]) > limit
    return out


def solver_curves(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """How well the solver met each row, by unit."""
    solver, time_s = solver_columns(dataset, episode), times(dataset, episode)
    invalid = invalid_rows(episode)
    out, left = [], list(solver)
    for title, unit, beginnings in SOLVER_CHARTS:
        names = [n for n in left if n.startswith(beginnings)]
        left = [n for n in left if n not in names]
        known = [n for n in names if np.isfinite(solver[n]).any()]
        for some in in_groups(known):
            out.append(
                charts.curves(
                    time_s,
                    np.column_stack([solver[n] for n in some]),
                    some,
                    title=title,
                    unit=unit,
                    invalid=invalid,
                    limits=(0.0, 0.0),
                    height=110,
                )
            )
    for some in in_groups([n for n in left if np.isfinite(solver[n]).any()]):
        values = np.column_stack([solver[n] for n in some])
        out.append(
            charts.curves(
                time_s, values, some, title="solver", unit="as named", invalid=invalid, height=110
            )
        )
    return out


def confidence_curve(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """Confidence over time, where it is known."""
    if CONFIDENCE not in episode.columns:
        return []
    curve = charts.curves(
        times(dataset, episode), column(episode, CONFIDENCE), ["confidence"],
        title="confidence", unit="1", invalid=invalid_rows(episode), limits=(0.0, 1.0), height=100,
    )  # fmt: skip
    return [curve]


def action_curves(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """The actions themselves, grippers apart."""
    time_s, invalid = times(dataset, episode), invalid_rows(episode)
    names = dataset.names("action")
    if not names:
        return []
    action = column(episode, "action")
    gripper = [i for i, n in enumerate(names) if "gripper" in n]
    body = [i for i in range(len(names)) if i not in gripper]
    is_ee = names[0].startswith("ee.")
    what, unit = ("end effector", "m, rad") if is_ee else ("joints", "rad")
    out = [
        charts.curves(
            time_s, action[:, some], [names[i] for i in some], title=what, unit=unit,
            invalid=invalid, height=210,
        )
        for some in in_groups(body)
    ]  # fmt: skip
    if gripper:
        out.append(
            charts.curves(
                time_s, action[:, gripper], [names[i] for i in gripper], title="gripper",
                unit="%", invalid=invalid, limits=(0.0, 100.0), height=120,
            )
        )  # fmt: skip
    return out


def times(dataset: Dataset, episode: EpisodeRows) -> Float[np.ndarray, " time"]:
    """Time of each row from the episode's start [s]."""
    return np.arange(episode.num_rows) / dataset.fps


def invalid_rows(episode: EpisodeRows) -> Bool[np.ndarray, " time"]:
    """Rows whose action is not valid; none where no column says so."""
    if VALID not in episode.columns:
        return np.zeros(episode.num_rows, bool)
    return ~np.asarray(episode.columns[VALID], bool).ravel()


def column(episode: EpisodeRows, name: str) -> Float[np.ndarray, "time n"]:
    """A feature of an episode, as numbers."""
    values = np.asarray(episode.columns[name], float)
    return values.reshape(len(values), -1)


def solver_columns(dataset: Dataset, episode: EpisodeRows) -> dict[str, Float[np.ndarray, " time"]]:
    """The numbers of `label.solver` by name; none where there is no such feature."""
    if "label.solver" not in episode.columns:
        return {}
    values = column(episode, "label.solver")
    return {name: values[:, i] for i, name in enumerate(dataset.names("label.solver"))}


def in_groups[T](items: list[T]) -> list[list[T]]:
    """Items in groups of equal size, as few as keep their colors apart in a chart."""
    count = -(-len(items) // len(charts.COLORS))
    size = -(-len(items) // max(count, 1))
    return [items[i : i + size] for i in range(0, len(items), max(size, 1))]


def _contract(dataset: Dataset) -> ActionContract | None:
    stored = dataset.rotoscope("contract.json")
    return ActionContract.model_validate(stored) if stored else None


def _labeler_config(dataset: Dataset) -> dict[str, Any]:
    """Settings of the stage that made the actions."""
    resolved = dataset.rotoscope("provenance.json").get("recipe_resolved", {})
    stages = {stage["name"]: stage for stage in resolved.get("stages", [])}
    config: dict[str, Any] = stages.get(resolved.get("action"), {}).get("config", {})
    return config


def _count_of(is_violated: Bool[np.ndarray, " time"]) -> str:
    return f": {int(is_violated.sum())} of {len(is_violated)} rows"
