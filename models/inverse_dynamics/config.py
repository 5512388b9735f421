"""Settings of an inverse dynamics labeler."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from rotoscope.models.encoders.pretrained import COMPONENTS, FLOW, SMALL_NETWORK
from rotoscope.models.labelers.labeler import LabelerConfig
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.training.windows import WindowConfig

BLEND_AHEAD_S = 0.2
"""How far `kind=blend` looks ahead where it is not told [s]: twice as far as networks alone."""


class KernelConfig(BaseModel):
    """Settings of `kind=kernel`; what is not given is chosen on the training episodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    width: float | None = Field(default=None, gt=0)
    """Width of the kernel, in median distances between training rows."""
    penalties: tuple[PositiveFloat, ...] | None = Field(default=None, min_length=1)
    """Weight of the squared norm, for a thousand rows: one for all, or one for each number,
    rotation or choice of the action."""


class InverseDynamicsConfig(LabelerConfig):
    """What the labeler sees and how it learns."""

    kind: Literal["blend", "mlp", "ridge", "kernel"] = "blend"
    """A small network and kernel ridge regression, the mean of both; the network alone, as it is
    where it trains an image network; ridge regression, or kernel ridge regression, in closed form.
    The kernel alone is the one for pictures of a few episodes."""
    encoder: str | None = None
    """What sees pictures: `cnn`, an image network trained here (where not given, for `kind=blend`
    and `mlp`); `pca`, principal components of the training pictures (where not given, for
    `kind=ridge`);
    `flow`, those of the motion in them, whatever things look like (where not given, `kind=kernel`
    chooses between these two on the training episodes); or a pretrained one that stays as it is:
    `torchvision:NAME`, `torchvision:NAME@WEIGHTS.pth`, `transformers:NAME_OR_FOLDER`, or
    `latent:FOLDER`, a trained latent action model."""
    components: int | None = Field(default=None, ge=1)
    """Components of `pca` and `flow`; where not given, `kind=kernel` chooses their number on the
    training episodes, the others take 60."""
    motion_s: float | None = Field(default=None, gt=0)
    """How long before a picture the one stands that its motion is seen against [s]; the time
    between two actions where not given. Slow motion at a high rate asks for more."""
    exchange: float = Field(default=0.0, ge=0, le=1)
    """Share of training windows whose background, what is far from all `focus.tracks`, is exchanged
    for another window's; for the image network that is trained here."""
    window: WindowConfig = WindowConfig()
    """How far it looks back and ahead. Where nothing of it is given, `kind=kernel` chooses it on
    the training episodes, and `kind=blend` looks 0.2 s ahead."""
    size: NetworkSize = "small"
    """How large the networks are that are trained here."""
    hidden: int = Field(default=128, ge=4)
    """Width of the network's two hidden layers, that of `size=small`; others multiply it."""
    ridge_penalty: float | None = Field(default=None, gt=0)
    """Weight of the squared coefficients of ridge regression; chosen on held-out episodes where
    not given."""
    members: int = Field(default=5, ge=2, le=20)
    """Models in the ensemble; each leaves out episodes of its own, on which it stops early and
    from which its errors are known. `kind=kernel` is one model of all episodes; here, in how many
    parts they are left out to know its errors."""
    kernel: KernelConfig = KernelConfig()
    """Settings of `kind=kernel`."""
    loop: LoopConfig = LoopConfig()
    """How the network is trained."""

    @model_validator(mode="before")
    @classmethod
    def _with_window(cls, told: Any) -> Any:
        """What a window is where nothing is said, by what looks through it."""
        if not isinstance(told, dict) or not isinstance(told.get("window", {}), dict):
            return told
        encoder, window = told.get("encoder"), dict[str, Any]()
        if encoder == FLOW:  # summed motion has no level: where it begins is where the video does
            window["has_levels"] = False
        learns_images = told.get("camera") and encoder in (None, SMALL_NETWORK)
        if told.get("kind", "blend") == "blend" and not learns_images:
            window["after_s"] = BLEND_AHEAD_S
        return told | {"window": window | told.get("window", {})}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.learns_images and not self.has_networks:
            raise ValueError(
                f"kind={self.kind} cannot train the image network 'cnn'; use kind=mlp, "
                "encoder=pca, encoder=flow, or a pretrained encoder"
            )
        if self.sums_motion and self.window.has_levels:
            raise ValueError(
                "encoder=flow says how far things went, not where they are: leave out "
                "window.has_levels=true"
            )
        if self.sums_motion and self.motion_s is not None:
            raise ValueError(
                f"motion_s={self.motion_s:g} is how far apart pictures are compared; encoder=flow "
                "sums up the motion between neighbors: leave it out"
            )
        if self.exchange and not (self.learns_images and self.focus.tracks):
            raise ValueError(
                f"exchange={self.exchange:g} puts other backgrounds behind what focus.tracks "
                f"follow, while an image network is trained: set focus.tracks, camera, kind=mlp "
                f"and encoder=cnn; they are {list(self.focus.tracks)}, {self.camera!r}, "
                f"{self.kind} and {self.image_network}"
            )
        return self

    @property
    def has_own_window(self) -> bool:
        """Whether anything is said of how far it looks."""
        return bool(self.window.model_fields_set - {"has_levels"})

    @property
    def learns_images(self) -> bool:
        """Whether an image network is trained with the rest."""
        return bool(self.camera) and self.image_network == SMALL_NETWORK

    @property
    def learns_components(self) -> bool:
        """Whether pictures become components that the training pictures differ in most."""
        return bool(self.camera) and self.image_network in (COMPONENTS, FLOW)

    @property
    def sums_motion(self) -> bool:
        """Whether what is seen of a frame is the way that everything went to it, from its start."""
        return bool(self.camera) and self.image_network == FLOW

    @property
    def image_network(self) -> str:
        """The encoder, given or not."""
        return self.encoder or (SMALL_NETWORK if self.has_networks else COMPONENTS)

    @property
    def has_networks(self) -> bool:
        """Whether its members are networks, or hold one each."""
        return self.kind in ("mlp", "blend")

    @property
    def is_blend(self) -> bool:
        """Whether a kernel stands beside each network; none sees pictures as they are."""
        return self.kind == "blend" and not self.learns_images

    def motion_over_s(self, rate_hz: float) -> float:
        """Time between a picture and the one before it that encoders compare it with [s]."""
        return self.motion_s or 1 / rate_hz
