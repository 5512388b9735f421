"""Settings of a latent action model."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.models.encoders.pretrained import PRETRAINED, SMALL_NETWORK, is_pretrained
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.focus import FocusConfig
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.training.views import Cameras, cameras_of
from rotoscope.pipeline.errors import quoted

Objective = Literal["lapo", "laom", "dynamo"]


class CodebookConfig(BaseModel):
    """Discrete latents: each is a few codes, one of every group."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_codes: int = Field(default=16, ge=2, le=4096)
    """Codes of a group."""
    num_groups: int = Field(default=4, ge=1)
    """Parts that a latent is cut into, each with codes of its own; they must divide
    `latent_size`."""
    decay: float = Field(default=0.97, gt=0, lt=1)
    """Share of its running mean that a code keeps at a step."""
    restart_below: float = Field(default=0.02, ge=0, lt=1)
    """A code used less than this share of an even use is dead and starts again at a latent of the
    present batch; 0 never restarts any."""
    commitment: float = Field(default=0.25, ge=0)
    """Weight of the pull of latents towards their codes."""


class TrackConfig(BaseModel):
    """What tracks teach, in rows where they are known; other rows carry no such loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    targets: tuple[str, ...] = ()
    """Features whose change a latent must tell through a linear map, such as
    `track.hand.joints`."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of that loss beside the objective's own."""
    points: tuple[str, ...] = Field(default=(), max_length=16)
    """Features that are image points, x and y first, as shares of the picture's width (those of
    `track.colour`), in that of the first camera: the small encoder learns to find them, and with
    `lapo` the pixel error near them counts more."""
    focus_radius: float = Field(default=0.06, gt=0)
    """How far around a point a pixel counts more: 1-sigma, as a share of the picture."""
    focus_weight: float = Field(default=20.0, ge=0)
    """How much more a pixel at a point counts than one far from all."""


class LatentLoop(LoopConfig):
    """The loop with defaults for latent actions, kept where only some of it is given."""

    num_steps: int = Field(default=1200, ge=1)
    """Steps at most; early stop may end sooner."""
    batch_size: int = Field(default=16, ge=1)
    """Clips of a few frames per step."""
    eval_every: int = Field(default=200, ge=1)
    """Steps between two evaluations on the held-out videos."""


class LatentActionConfig(BaseModel):
    """What the model sees, what its latents are, and how they are learned."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    objective: Objective = "laom"
    """`lapo` predicts pixels (Schmidt and Jiang 2024, 2312.10812); `laom` predicts features of a
    slowly following copy of the encoder over several gaps (Nikulin et al. 2025, 2502.00379);
    `dynamo` does so with decorrelated features and gives the frame encoder (Cui et al. 2024,
    2409.12192)."""
    latent: Literal["continuous", "vq"] = "continuous"
    """Numbers, or codes of a codebook."""
    latent_size: int = Field(default=32, ge=1, le=1024)
    """Numbers of a latent."""
    codebook: CodebookConfig = CodebookConfig()
    """Where `latent` is `vq`."""
    camera: Cameras = ""
    """Camera feature of datasets, such as `observation.images.front`, or several, `[A,B]`, all at
    once; empty takes a dataset's only one. Folders of videos have none."""
    image_size: int = Field(default=64, ge=16, multiple_of=8)
    """Side of the square that pictures are shrunk to [px]."""
    encoder: str = SMALL_NETWORK
    """Image network: `cnn`, trained here; or a pretrained one that stays as it is (see
    `rotoscope.models.encoders.pretrained`)."""
    gap_s: float | None = Field(default=None, gt=0)
    """Time that a latent spans [s]; that between two frames where not given."""
    num_gaps: int | None = Field(default=None, ge=1, le=32)
    """Training also spans up to this many gaps; 1 for `lapo` and 3 for the others if not given."""
    shift_px: int = Field(default=2, ge=0)
    """Pictures of a clip are moved by up to this much in training, all alike [px]."""
    brightness: float = Field(default=0.1, ge=0, lt=1)
    """Their brightness is changed by up to this share. Frozen encoders see pictures as they are."""
    focus: FocusConfig = FocusConfig()
    """What of a picture is looked at, in training and ever after."""
    exchange: float = Field(default=0.0, ge=0, le=1)
    """Share of training clips whose background, what is far from all `focus.tracks`, is exchanged
    for another clip's. Not for frozen encoders, which see pictures as they are."""
    tracks: TrackConfig = TrackConfig()
    """Weak supervision."""
    size: NetworkSize = "small"
    """How large the networks are that are trained here."""
    hidden: int = Field(default=256, ge=4)
    """Width of hidden layers, that of `size=small`; others multiply it."""
    target_decay: float = Field(default=0.98, ge=0, lt=1)
    """Share that the slow copy of the encoder keeps at a step."""
    covariance_weight: float = Field(default=0.04, ge=0)
    """Weight of the decorrelation of features, for `dynamo`."""
    held_out_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the videos on which training stops early and latents are evaluated."""
    loop: LatentLoop = LatentLoop()
    """How the network is trained; a batch is so many clips of a few frames each."""

    @property
    def learns_images(self) -> bool:
        """Whether the image network is trained here."""
        return self.encoder == SMALL_NETWORK

    @property
    def num_views(self) -> int:
        """Cameras that are seen at once."""
        return max(1, len(cameras_of(self.camera)))

    @property
    def most_gaps(self) -> int:
        """Gaps that training spans at most."""
        return self.num_gaps or (1 if self.objective == "lapo" else 3)

    @property
    def clip_frames(self) -> int:
        """Frames of a training row, one gap apart."""
        return self.most_gaps + 4

    @model_validator(mode="before")
    @classmethod
    def _first_names(cls, settings: Any) -> Any:
        """Folders of before networks had sizes: `size` was that of a latent."""
        if isinstance(settings, dict) and isinstance(settings.get("size"), int):
            others = {name: value for name, value in settings.items() if name != "size"}
            return others | {"latent_size": settings["size"]}
        return settings

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.learns_images and not is_pretrained(self.encoder):
            raise ValueError(
                f"encoder {self.encoder!r} is no image network that a latent action model can "
                f"stand on; valid ones are {quoted([SMALL_NETWORK, *PRETRAINED])}"
            )
        if self.latent == "vq" and self.latent_size % self.codebook.num_groups:
            raise ValueError(
                f"codebook.num_groups={self.codebook.num_groups} does not divide "
                f"latent_size={self.latent_size}"
            )
        if self.objective == "dynamo" and not self.learns_images:
            raise ValueError(
                "objective=dynamo trains an image network, so encoder must be cnn; a pretrained "
                f"one ({self.encoder}) can be named to the labeler itself"
            )
        if self.exchange and not (self.learns_images and self.focus.tracks):
            raise ValueError(
                f"exchange={self.exchange:g} puts other backgrounds behind what focus.tracks "
                f"follow, while an image network is trained: set focus.tracks and encoder=cnn; "
                f"they are {list(self.focus.tracks)} and {self.encoder}"
            )
        if self.tracks.points and self.objective != "lapo" and not self.learns_images:
            raise ValueError(
                f"tracks.points teach encoder=cnn or weight the pixels of objective=lapo; with "
                f"{self.encoder} and {self.objective} use tracks.targets"
            )
        return self
