"""What labelers say, and what they add to the dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import ValidationError

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.tracks.base import SIDES, Track, require_shape

LARGEST = 1e9
"""What no robot reaches, whatever the unit; statistics of 32 bits can still hold its square."""

ActionSpace = Literal["joints", "ee", "ee_position"]
"""What a dataset's actions are: joint values, the end effector's pose and gripper, or its position
and gripper alone."""
GROUPS: tuple[str, ...] = ("position", "rotation", "gripper", "fingers")
"""Parts of an action that can be relied on each by itself: where the end effector (or the palm) is,
how it is turned, how far the gripper is open, what the fingers do."""
SIDED_GROUPS = tuple(f"{side}.{group}" for side in SIDES for group in GROUPS)
"""The same of a robot that follows two hands: each hand's own."""
GROUPS_OF_SPACE: dict[ActionSpace, tuple[str, ...]] = {"ee_position": ("position", "gripper")}
"""Groups that actions of a space are made of, where that is not all of them."""


@dataclass(frozen=True, eq=False)
class ActionTrack(Track):
    """Robot states that a labeler inferred, frame by frame, and how far to trust them.

    `values[t]` is the robot's absolute state at the frame's own time; the exporter turns states
    into actions by the contract's shift. Where the contract's actions are no states (commands,
    steps, latents: `reaches_states` is false), `values[t]` is the action taken at the frame.
    """

    labeler: str
    """Kind of the stage that made it."""
    subject: str
    """Subject that the robot follows: `left`, `right`, `both`, `person0`, ..., or `scene`."""
    contract: ActionContract
    """Meaning, unit and limits of each number."""
    values: Float[np.ndarray, "time action"]
    """Values in the contract's units; NaN where unknown."""
    valid: Bool[np.ndarray, " time"]
    """Observed, reachable, inside every limit."""
    confidence: Float[np.ndarray, " time"]
    """Chance that the action is within its labeler's stated tolerances of the truth, 0..1; 0 where
    nothing is known."""
    reason: np.ndarray
    """Reason why a frame is not valid, as an index into `REASONS` (uint8); 0 where it is."""
    ee_values: Float[np.ndarray, "time ee"] | None = None
    """The end effector that these states reach: x y z wx wy wz gripper_pos, robot base frame; the
    left one's, then the right one's where there are two."""
    target_error_m: Float[np.ndarray, " time"] | None = None
    """Distance between the wanted and the reached end-effector position [m]; of two the larger."""
    target_error_rad: Float[np.ndarray, " time"] | None = None
    """Angle between the wanted and the reached end-effector rotation [rad]; of two the larger."""
    T_camera_base: Float[np.ndarray, "4 4"] | None = None
    """Where the robot's base was placed in the camera frame [m]."""
    groups: tuple[str, ...] = ()
    """Which of `GROUPS`, or of `SIDED_GROUPS`, the labeler tells apart; none where it judges
    actions as a whole."""
    group_valid: Bool[np.ndarray, "time group"] | None = None
    """Whether each group by itself was observed, can be reached and lies inside every limit."""
    group_confidence: Float[np.ndarray, "time group"] | None = None
    """Chance that each group is within its tolerance of the truth; NaN where it is not stated."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """The base stands still."""
        return frozenset({"T_camera_base"})

    @classmethod
    def unknown(
        cls, *, labeler: str, subject: str, contract: ActionContract, num_frames: int
    ) -> ActionTrack:
        """The track of a subject that was not seen in any of the frames."""
        return cls(
            labeler=labeler,
            subject=subject,
            contract=contract,
            values=np.full((num_frames, len(contract.dimensions)), np.nan),
            valid=np.zeros(num_frames, bool),
            confidence=np.zeros(num_frames),
            reason=np.full(num_frames, REASONS.index("not_seen"), np.uint8),
        )

    def judged_for(self, space: ActionSpace) -> ActionTrack:
        """The same actions, valid and trusted as far as the groups of an action space are.

        What a labeler judges as a whole stays as it is.
        """
        wanted = GROUPS_OF_SPACE.get(space, GROUPS)
        columns = [i for i, g in enumerate(self.groups) if g.rpartition(".")[2] in wanted]
        if not columns or self.group_valid is None or self.group_confidence is None:
            return self
        valid = self.group_valid[:, columns].all(axis=1)
        return self.replace(
            valid=valid,
            reason=np.where(valid, 0, self.reason).astype(np.uint8),
            confidence=np.nanprod(self.group_confidence[:, columns], axis=1),
        )

    def of_use(self, space: ActionSpace = "joints") -> Bool[np.ndarray, " time"]:
        """Frames worth keeping: valid ones, and those in which one of two hands is valid.

        What a robot of two arms does with one hand stays, while the other's numbers are not valid.
        Arms that follow the approach alone have no group that says whether they did: with them a
        hand counts where its whole rotation was met, or both hands are valid.
        """
        out = self.valid.copy()
        if self.group_valid is None:
            return out
        wanted = set(GROUPS_OF_SPACE.get(space, GROUPS))
        for side in SIDES:
            own = {f"{side}.{group}" for group in wanted}
            columns = [i for i, group in enumerate(self.groups) if group in own]
            if columns:
                out |= self.group_valid[:, columns].all(axis=1)
        return out

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_said(self)
        _check_groups(self)
        require_shape("ActionTrack", "values", self.values, (len(self.contract.dimensions),))
        num_ee = 14 if any(group in SIDED_GROUPS for group in self.groups) else 7
        require_shape("ActionTrack", "ee_values", self.ee_values, (num_ee,))
        is_number = (np.abs(self.values) <= LARGEST).all(axis=1)
        bad = self.valid & ~is_number
        if bad.any():
            raise TrackError(
                f"ActionTrack: {int(bad.sum())} frames are marked valid but hold NaN or more than "
                f"{LARGEST:g} (first at frame {int(np.argmax(bad))}); mark them invalid"
            )


REASONS: tuple[str, ...] = (
    "valid",
    "not_seen",
    "gap_filled",
    "unreachable",
    "velocity_limit",
    "low_confidence",
    "partly_seen",
    "foot_contact",
    "collision",
    "camera_moved",
    "implausible",
    "below_ground",
)
"""Why a frame's action is not valid; `ActionTrack.reason` indexes into this."""


def _check_said(track: ActionTrack) -> None:
    """What any labeler may say; one that says anything else must not spoil a whole dataset."""
    texts = (track.labeler, track.subject)
    wanted = {
        "labeler and subject texts": all(isinstance(t, str) and t.isprintable() for t in texts),
        "contract a valid ActionContract": _is_valid(track.contract),
        "valid an array of booleans": track.valid.dtype == bool and track.valid.ndim == 1,
        "confidence from 0 to 1": track.confidence.ndim == 1
        and bool(((track.confidence >= 0) & (track.confidence <= 1)).all()),
        f"reason integers from 0 to {len(REASONS) - 1}": track.reason.ndim == 1
        and track.reason.dtype.kind in "iu"
        and bool(((track.reason >= 0) & (track.reason < len(REASONS))).all()),
        "T_camera_base a finite 4 x 4 matrix": track.T_camera_base is None
        or (track.T_camera_base.shape == (4, 4) and bool(np.isfinite(track.T_camera_base).all())),
    }
    for what, is_so in wanted.items():
        if not is_so:
            raise TrackError(f"ActionTrack must hold {what}; labeler {shown(track.labeler)}")
    for name in ("target_error_m", "target_error_rad"):
        require_shape("ActionTrack", name, getattr(track, name), ())


def _check_groups(track: ActionTrack) -> None:
    """Groups are known ones, and a frame that is valid is so in all that every action has."""
    if not track.groups:
        return
    if not set(track.groups) <= {*GROUPS, *SIDED_GROUPS}:
        raise TrackError(
            f"ActionTrack.groups must be among {(*GROUPS, *SIDED_GROUPS)}, got {track.groups}"
        )
    for name in ("group_valid", "group_confidence"):
        values = getattr(track, name)
        if values is None:
            raise TrackError(f"ActionTrack with groups {track.groups} needs {name}")
        require_shape("ActionTrack", name, values, (len(track.groups),))
    assert track.group_valid is not None
    for group, valid in zip(track.groups, np.transpose(track.group_valid), strict=True):
        # Actions of positions alone are valid without their rotation.
        if not group.endswith("rotation") and (track.valid & ~valid).any():
            raise TrackError(f"ActionTrack: frames are valid of which the {group} is not")


def _is_valid(contract: object) -> bool:
    """Whether it is a contract, its numbers checked: `model_copy` checks none."""
    if not isinstance(contract, ActionContract):
        return False
    try:
        ActionContract.model_validate(contract.model_dump())
    except ValidationError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class FeatureTrack(Track):
    """One column of the dataset that a stage adds beside its actions, such as `label.solver`."""

    feature: str
    """Name in the dataset: `label.*` or `track.*`."""
    subject: str
    """Subject of the column: that of an action track, or `scene` for all."""
    values: np.ndarray
    """Values, shape (time, n), float or bool; NaN where unknown."""
    names: tuple[str, ...]
    """Name of each of the n numbers."""
    unit: str
    """Unit of the numbers, `1` for none."""
    description: str
    """What it is, in one sentence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("FeatureTrack", "values", self.values, (len(self.names),))
        if not self.feature.startswith(("label.", "track.")):
            raise TrackError(
                f"FeatureTrack.feature must begin with 'label.' or 'track.', got {self.feature!r}: "
                "policies read everything that begins with action or observation"
            )


@dataclass(frozen=True, eq=False)
class QualityTrack(Track):
    """Facts about a whole clip that go into the quality record of its episodes."""

    subject: str
    """Subject of the facts: that of an action track, or `scene` for all."""
    facts: dict[str, Any]
    """JSON values by name, such as `physics_fall_s`."""
