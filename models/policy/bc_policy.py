"""A trained built-in policy and its folder: `model.safetensors`, `policy.yaml`, `metrics.json`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.encoders.pretrained import SMALL_NETWORK
from rotoscope.models.latent_actions.model import LatentFacts
from rotoscope.models.latent_actions.networks import point_network
from rotoscope.models.policy.bc_network import build_policy, image_network, run_policy, seen_in
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import Look, frozen_look
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.model_folder import (
    WEIGHTS,
    ModelFacts,
    ModelFolder,
    Shape,
    below,
    check_shapes,
    filled,
)
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.scaling import Scaling
from rotoscope.models.training.views import cameras_of, for_views, stacked
from rotoscope.pipeline.contract import ActionContract


class PlanFacts(BaseModel):
    """What a policy plans that plans latent actions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    contract: ActionContract
    """The latents as actions: numbers, or the choice of every group of a codebook."""
    num_looked: int = Field(ge=0)
    """Numbers that the planning network's own image network says about pictures."""
    model_sha256: str
    """Hash of the latent action model, which is not needed to act."""


class PolicyFacts(ModelFacts):
    """`policy.yaml`."""

    version: int = 1
    """Changes with the layout of the folder."""
    family: str = "bc"
    """`bc`: behavior cloning, whoever labeled what was cloned; `reinforcement`."""
    config: BcConfig
    """Its settings."""
    contract: ActionContract
    """What its actions mean."""
    input_names: tuple[tuple[str, ...], ...]
    """For each of `config.inputs`, what its numbers are."""
    image_size: tuple[int, int]
    """Width and height of the pictures it learned from, of several cameras the first's [px]; 0
    where it sees none."""
    more_sizes: tuple[tuple[int, int], ...] = ()
    """Those of the other cameras."""
    num_seen: int = Field(default=0, ge=0)
    """Numbers that an encoder which stays as it is says about a picture; 0 without one."""
    latent: LatentFacts | None = None
    """Of the latent action model that it sees through, or whose image network it began with; the
    weights of one that stays as it is are in the policy's folder."""
    plan: PlanFacts | None = None
    """Of one that plans latent actions; its own network decodes them."""
    ends_in_tanh: bool = False
    """Whether what the network gives lies between -1 and 1, as that of reinforcement learning."""
    data_sha256: str
    """Hash of the data it learned from."""
    packages: dict[str, str]
    """Versions of what trained it."""

    @property
    def num_inputs(self) -> int:
        """Numbers of what is seen, besides pictures."""
        return sum(map(len, self.input_names)) + self.num_seen

    @property
    def num_decoded(self) -> int:
        """Numbers in front of the network that gives actions, besides pictures."""
        if self.plan is None:
            return self.num_inputs
        num_encoded = ActionSpace.of(self.plan.contract).num_encoded
        return self.num_inputs + self.plan.num_looked + num_encoded

    def planner(self) -> PolicyFacts:
        """Those of the policy whose actions are the latents that this one decodes."""
        assert self.plan is not None
        # Latents are not planned ahead.
        config = self.config.model_copy(update={"chunk": 1, "execute": 1})
        return self.model_copy(
            update={"contract": self.plan.contract, "config": config, "plan": None}
        )

    @model_validator(mode="after")
    def _names_are_of_inputs(self) -> PolicyFacts:
        if len(self.input_names) != len(self.config.inputs):
            raise ValueError(f"{len(self.config.inputs)} inputs, {len(self.input_names)} named")
        if len(self.more_sizes) != self.config.num_views - 1:
            raise ValueError(f"{self.config.num_views} cameras, {1 + len(self.more_sizes)} sizes")
        return self


POLICY_FOLDER = ModelFolder(
    PolicyFacts,
    "policy.yaml",
    missing="is no trained policy: {}; name the folder that 'rotoscope train policy --out' wrote",
)


@dataclass(eq=False)
class BcPolicy:
    """Acts as the demonstrations did. Holds what is left of a plan between calls."""

    facts: PolicyFacts
    """Contents of `policy.yaml`."""
    scaling: Scaling
    """Means and scales in front of and behind the network."""
    weights: dict[str, np.ndarray]
    """Weights of the network, by name."""
    metrics: dict[str, Any]
    """Scores on held-out episodes."""
    device: Device = "auto"
    """Where its network runs."""
    latent_weights: dict[str, np.ndarray] = field(default_factory=dict)
    """Of the latent action model that sees for it, by name."""
    planner: BcPolicy | None = None
    """Its actions are the latents that this policy decodes; `None` where it plans actions."""
    _plan: deque[np.ndarray] = field(default_factory=deque)

    @cached_property
    def space(self) -> ActionSpace:
        """The contract's blocks."""
        return ActionSpace.of(self.facts.contract)

    @cached_property
    def network(self) -> Any:
        """The network as a torch module, ready to be asked."""
        num_inputs = len(self.scaling.input_mean)
        made = filled(
            lambda: network_for(
                decoding(self.facts.config) if self.facts.plan else self.facts.config,
                num_inputs,
                self.space.num_encoded,
                self.facts.latent,
                ends_in_tanh=self.facts.ends_in_tanh,
            ),
            self.weights,
            "the policy",
        )
        return made.to(torch_device(self.device))

    @cached_property
    def look(self) -> Look | None:
        """The encoder that stays as it is."""
        facts = self.facts
        if not facts.config.is_frozen:
            return None
        return frozen_look(facts.config.encoder, facts.latent, self.latent_weights, self.device)

    @property
    def contract(self) -> ActionContract:
        """What its actions mean."""
        return self.facts.contract

    @property
    def state_names(self) -> dict[str, tuple[str, ...]]:
        """Features that it must be given, and what their numbers are."""
        return dict(zip(self.facts.config.inputs, self.facts.input_names, strict=True))

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Cameras that it must be given, and the width and height it learned from [px]."""
        sizes = (self.facts.image_size, *self.facts.more_sizes)
        return dict(zip(cameras_of(self.facts.config.camera), sizes, strict=False))

    def reset(self, seed: int) -> None:
        """Forgets the plan; nothing in it is random."""
        del seed
        self._plan.clear()

    def act(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " action"]:
        """The next action, in the contract's units."""
        if not self._plan:
            config = self.facts.config
            planned = self.plan(observation)[: config.execute]
            self._plan.extend(planned)
        return self._plan.popleft()

    def plan(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, "chunk action"]:
        """All actions that are planned from here on."""
        config = self.facts.config
        parts = [np.zeros(0), *(np.ravel(observation[name]) for name in config.inputs)]
        images = None
        if config.camera:
            side = config.image_size
            seen = [
                shrink(np.asarray(observation[camera]), side, shape=shape)
                for camera, shape in self.image_sizes.items()
            ]
            images = stacked(seen)[None]
        inputs = np.concatenate(parts)[None]
        if self.look is not None and images is not None:
            inputs, images = np.concatenate([inputs, self.look(images)], axis=1), None
        return self.predict(inputs, images)[0]

    def predict(
        self, inputs: Float[np.ndarray, "row input"], images: np.ndarray | None
    ) -> Float[np.ndarray, "row chunk action"]:
        """Planned actions for many rows.

        Args:
            inputs: Features, and what an encoder that stays as it is says about the pictures.
            images: Pictures that the network itself sees, shrunk; `None` where it sees none.
        """
        if self.planner is None:
            return self.decoded(inputs, images)
        latents = self.planner.decoded(inputs, images)[:, 0]
        return self.decoded(self.planner.beside(inputs, images, latents), None)

    def beside(
        self,
        inputs: Float[np.ndarray, "row input"],
        images: np.ndarray | None,
        latents: Float[np.ndarray, "row latent"],
    ) -> Float[np.ndarray, "row number"]:
        """What is seen and latents, as they stand in front of what decodes them.

        A planner's: features, what its image network says about pictures, and the latents encoded.

        Args:
            inputs: As in `predict`.
            images: As in `predict`.
            latents: Planned, or those that were there.
        """
        import torch

        parts = [inputs]
        if images is not None:
            with torch.inference_mode():
                pictures = torch.tensor(images).to(torch_device(self.device))
                parts.append(seen_in(self.network, pictures).cpu().numpy().astype(float))
        return np.concatenate([*parts, self.space.encode(latents)], axis=1)

    def decoded(
        self, inputs: Float[np.ndarray, "row input"], images: np.ndarray | None
    ) -> Float[np.ndarray, "row chunk action"]:
        """What the network itself makes of many rows; `inputs` may hold latents."""
        import torch

        place = torch_device(self.device)
        with torch.inference_mode():
            rows = torch.from_numpy(self.scaling.inputs(inputs)).float().to(place)
            # A copy: pictures may come from a memory that torch must not write to.
            pictures = None if images is None else torch.tensor(images).to(place)
            out = run_policy(self.network, rows, pictures, chunk=self.facts.config.chunk)
        encoded = self.scaling.raw(out.flatten(0, 1).cpu().numpy().astype(float))
        return self.space.decode(encoded[None]).reshape(len(inputs), self.facts.config.chunk, -1)


def network_for(
    config: BcConfig,
    num_inputs: int,
    num_encoded: int,
    latent: LatentFacts | None = None,
    *,
    ends_in_tanh: bool = False,
) -> Any:
    """A network of the size that settings ask for.

    Args:
        config: Settings.
        num_inputs: Numbers in front of it, besides pictures.
        num_encoded: Numbers of an encoded action.
        latent: Of the latent action model whose image network it begins with.
        ends_in_tanh: Whether what it gives lies between -1 and 1.
    """
    encoder = None
    if config.camera and not config.is_frozen:
        if latent:
            encoder = point_network(latent.config.size, config.num_views)
        else:
            encoder = for_views(lambda: image_network(config.size), config.num_views)
    return build_policy(
        num_inputs=num_inputs,
        encoder=encoder,
        hidden=config.hidden,
        size=config.size,
        num_outputs=config.chunk * num_encoded,
        ends_in_tanh=ends_in_tanh,
        num_views=config.num_views,
    )


def decoding(config: BcConfig) -> BcConfig:
    """Settings of what decodes latents: what pictures show stands in its inputs."""
    return config.model_copy(update={"camera": "", "encoder": SMALL_NETWORK})


def save_policy(policy: BcPolicy, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    arrays = _arrays(policy)
    if policy.planner is not None:
        arrays |= {f"planner.{name}": value for name, value in _arrays(policy.planner).items()}
    arrays |= {f"latent.{name}": value for name, value in policy.latent_weights.items()}
    POLICY_FOLDER.save(folder, policy.facts, arrays, policy.metrics)


def load_bc_policy(folder: Path, device: Device = "auto") -> BcPolicy:
    """A trained policy from its folder; its network runs on a device.

    Raises:
        UsageError: The folder is incomplete or damaged, or was written by another version.
    """
    facts, arrays, metrics = POLICY_FOLDER.load(folder)
    scales, network = _parts(arrays, facts, facts.num_decoded, folder)
    latent, planner = below(arrays, "latent."), None
    if facts.plan is not None:
        planned = facts.planner()
        own = _parts(below(arrays, "planner."), planned, facts.num_inputs, folder)
        planner = BcPolicy(planned, *own, {}, device, latent)
    return BcPolicy(facts, scales, network, metrics, device, latent, planner)


def _arrays(policy: BcPolicy) -> dict[str, np.ndarray]:
    """Scales and weights, by name."""
    arrays = {f"scaling.{name}": value for name, value in vars(policy.scaling).items()}
    return arrays | {f"network.{name}": value for name, value in policy.weights.items()}


def _parts(
    arrays: dict[str, np.ndarray], facts: PolicyFacts, num_inputs: int, folder: Path
) -> tuple[Scaling, dict[str, np.ndarray]]:
    """Scales and weights out of `_arrays`."""
    num_encoded = ActionSpace.of(facts.contract).num_encoded
    scaling: dict[str, Shape] = {
        "input_mean": (num_inputs,),
        "input_scale": (num_inputs,),
        "encoded_mean": (num_encoded,),
        "encoded_scale": (num_encoded,),
    }
    check_shapes(below(arrays, "scaling."), scaling, folder / WEIGHTS)
    return Scaling(**below(arrays, "scaling.")), below(arrays, "network.")
