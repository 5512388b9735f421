"""Settings of the built-in policy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from rotoscope.models.encoders.pretrained import SMALL_NETWORK, is_pretrained
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.training.views import Cameras, cameras_of

LATENT = "latent:"
"""Beginning of the name of a latent action model, whose image network or latents are used."""
ACTIONS = "actions"
"""What a policy plans that knows of no latents."""


class BcLoop(LoopConfig):
    """The common loop, as a policy needs it."""

    num_steps: int = Field(default=2000, ge=1)
    """Steps at most."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """Weight decay of AdamW."""
    patience: int = Field(default=20, ge=1)
    """Evaluations without improvement after which training stops."""


class BcConfig(BaseModel):
    """What a policy sees, what it learns from, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    inputs: tuple[str, ...] = ("observation.state",)
    """Features that it sees; where it is to act, somebody must provide them."""
    camera: Cameras = ""
    """Camera that it sees, such as `observation.images.front`, or several, `[A,B]`, all at once;
    empty for none."""
    image_size: int = Field(default=64, ge=16)
    """Side of the square that pictures are shrunk to [px]."""
    encoder: str = SMALL_NETWORK
    """What sees pictures: `cnn`, a small image network that is learned with the policy;
    `latent:FOLDER`, a trained latent action model's; or a pretrained one that stays as it is:
    `torchvision:NAME`, `torchvision:NAME@WEIGHTS.pth`, `transformers:NAME_OR_FOLDER`."""
    freeze_encoder: bool = True
    """Whether a latent action model's image network stays as it is, or goes on learning. What
    stays sees pictures where they are: `shift_px` moves none."""
    pretrain: bool = False
    """Whether it first learns which latent action of `encoder=latent:FOLDER` comes next, from every
    row, known actions or not; then the actions, from the rows that count."""
    plans: str = ACTIONS
    """What it plans: `actions`; or `latent:FOLDER`, the latent action of a trained model that comes
    next, learned from every row, known actions or not. A small network that is learned from the
    rows that count makes actions of what is planned and what is seen."""
    shift_px: int = Field(default=4, ge=0)
    """How far pictures are moved about at random while it learns [px]."""
    chunk: int = Field(default=1, ge=1, le=200)
    """Actions that it plans at once."""
    execute: int = Field(default=1, ge=1)
    """How many of them are executed before it looks again."""
    size: NetworkSize = "small"
    """How large the networks are that are trained here."""
    hidden: tuple[PositiveInt, ...] = Field(default=(256, 256), min_length=1)
    """Widths of the hidden layers, those of `size=small`; others multiply them."""
    weighting: Literal["none", "confidence"] = "none"
    """Whether rows count alike, or as much as `label.confidence` says. Rows that `label.valid`
    calls false are never learned from."""
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    """Rows of less confidence are not learned from."""
    held_out_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the episodes that it is evaluated on while it learns; at least one."""
    loop: BcLoop = BcLoop()
    """How the network is trained."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.execute > self.chunk:
            raise ValueError(
                f"execute is {self.execute}, but only chunk={self.chunk} actions are planned"
            )
        if not self.inputs and not self.camera:
            raise ValueError("a policy must see something: set inputs or camera")
        if self.pretrain and not self.is_latent:
            raise ValueError(
                f"pretrain=true learns the latent actions of encoder=latent:FOLDER, and encoder is "
                f"{self.encoder}"
            )
        if self.plans != ACTIONS:
            self._check_plans()
        if self.encoder != SMALL_NETWORK:
            self._check_encoder()
        labels = [name for name in self.inputs if name.startswith("label.")]
        if labels:
            raise ValueError(
                f"{', '.join(labels)}: labels say what was done and how sure that is; nobody knows "
                "them where a policy acts. Name observation.state or track.* features"
            )
        return self

    def _check_encoder(self) -> None:
        if not self.camera:
            raise ValueError(f"encoder={self.encoder} sees pictures: set camera")
        if not (self.is_latent or is_pretrained(self.encoder)):
            raise ValueError(
                f"encoder={self.encoder} is none that a policy can see through; valid ones are "
                f"{SMALL_NETWORK}, latent:FOLDER, torchvision:NAME and transformers:NAME_OR_FOLDER"
            )
        if not (self.freeze_encoder or self.is_latent):
            raise ValueError(
                f"encoder={self.encoder} stays as it is; freeze_encoder=false is for latent:FOLDER"
            )

    def _check_plans(self) -> None:
        if self.planned_model is None:
            raise ValueError(
                f"plans={self.plans} is nothing that a policy can plan; valid ones are {ACTIONS} "
                "and latent:FOLDER, the folder that 'rotoscope train latent-action --out' wrote"
            )
        if self.pretrain:
            raise ValueError(
                f"pretrain=true learns latent actions first and forgets them, plans={self.plans} "
                "keeps them: set one of the two"
            )

    @property
    def planned_model(self) -> Path | None:
        """Folder of the latent action model whose latents are planned; `None` for actions."""
        folder = self.plans.removeprefix(LATENT)
        return Path(folder) if folder and folder != self.plans else None

    @property
    def num_views(self) -> int:
        """Cameras that are seen at once."""
        return max(1, len(cameras_of(self.camera)))

    @property
    def is_latent(self) -> bool:
        """Whether pictures are seen through the image network of a latent action model."""
        return self.encoder.startswith(LATENT) and len(self.encoder) > len(LATENT)

    @property
    def is_frozen(self) -> bool:
        """Whether pictures become numbers before anything is learned."""
        return self.encoder != SMALL_NETWORK and self.freeze_encoder
