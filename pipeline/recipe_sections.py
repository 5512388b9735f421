"""What a recipe says beside its stages: how videos are read, what is written, what is allowed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rotoscope.pipeline.tracks import ActionSpace
from rotoscope.pipeline.video.image_folder import RateHz


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VideoSection(_Section):
    """How videos are read."""

    backend: Literal["auto", "pyav", "decord"] = "auto"
    """Decoder; `auto` takes the better one for the codec."""
    image_rate_hz: RateHz | None = None
    """Pictures per second of folders of numbered pictures [Hz]; `frames.yaml` in a folder comes
    first. Nothing given: folders without such a file are no videos."""
    max_gap_s: float = Field(default=1.0, gt=0)
    """Files are cut where more time passes between two frames [s], and more than five usual frame
    intervals: nobody knows what happened meanwhile, whoever labels it."""
    mirrored: bool = False
    """Whether all videos are mirror images, as selfie cameras record them; they are turned back
    where they are read. `camera.yaml` says it of single videos and folders."""


class ExportSection(_Section):
    """What the dataset looks like."""

    fps: int = Field(default=30, ge=1, le=240)
    """Rows per second; every video is put on this clock by its presentation times."""
    action: ActionSpace = "joints"
    """Absolute joint actions, or absolute end-effector actions in the robot's base frame: `ee` its
    pose and the gripper, `ee_position` its position and the gripper, whose rows are valid wherever
    those two are."""
    shift_frames: int = Field(default=1, ge=0, le=100_000)
    """`action[t]` is the state this many rows later; the tail that has none is dropped. Does not
    count where a labeler gives commands or steps."""
    state: tuple[str, ...] = ()
    """Features that become `observation.state`, such as `track.hand.wrist`; where empty it is the
    robot's state, and there is none where a labeler gives commands or steps."""
    width: int = Field(default=640, ge=32, le=16_384, multiple_of=2)
    """Width of the dataset's images [px]."""
    height: int = Field(default=480, ge=32, le=16_384, multiple_of=2)
    """Height of the dataset's images [px]; videos of another shape get bars, never a stretch."""
    person: str = Field(default="", max_length=64)
    """Who all videos of this run show, as you call them; empty where that is not known. Episodes
    are told to be of one person only where it is given: left and right, and `person0` of two
    videos, may be anybody's."""
    camera: str = Field(default="front", pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the camera: `observation.images.<camera>`."""
    only_valid: bool = False
    """Whether episodes are cut wherever rows are not valid, so that no row is left that a training
    would have to leave out; `rotoscope label --only-valid`."""
    chunk_rows: int = Field(default=50, ge=2, le=100_000)
    """With `only_valid`: how many rows a policy plans at once [rows] (ACT 100, SmolVLA and pi0 50,
    Diffusion 16). Shorter stretches are left out, and counted: beyond an episode's end there is
    padding."""
    crf: int = Field(default=23, ge=0, le=51)
    """H.264 quality of the dataset's video; lower is better and larger."""


class LimitsSection(_Section):
    """What one video's child process may use before it is killed."""

    memory_gib: float = Field(default=2.0, gt=0)
    """Resident memory [GiB]."""
    stall_s: float = Field(default=120.0, gt=0)
    """Longest time without progress [s]."""
    base_s: float = Field(default=300.0, gt=0)
    """Time that any video may take [s]."""
    per_frame_s: float = Field(default=0.5, ge=0)
    """Further time per frame [s]."""
    network: bool = False
    """Whether it may reach other machines, as a stage must that downloads something itself."""
