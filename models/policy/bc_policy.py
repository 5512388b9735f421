"""A trained built-in policy and its folder: `model.safetensors`, `policy.yaml`, `metrics.json`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import model_validator

from rotoscope.models.policy.bc_network import build_policy, run_policy
from rotoscope.models.policy.config import BcConfig
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
from rotoscope.pipeline.contract import ActionContract


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
    """Width and height of the pictures it learned from [px]; 0 where it sees none."""
    ends_in_tanh: bool = False
    """Whether what the network gives lies between -1 and 1, as that of reinforcement learning."""
    data_sha256: str
    """Hash of the data it learned from."""
    packages: dict[str, str]
    """Versions of what trained it."""

    @property
    def num_inputs(self) -> int:
        """Numbers that it sees besides pictures."""
        return sum(map(len, self.input_names))

    @model_validator(mode="after")
    def _names_are_of_inputs(self) -> PolicyFacts:
        if len(self.input_names) != len(self.config.inputs):
            raise ValueError(f"{len(self.config.inputs)} inputs, {len(self.input_names)} named")
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
    _plan: deque[np.ndarray] = field(default_factory=deque)

    @cached_property
    def space(self) -> ActionSpace:
        """The contract's blocks."""
        return ActionSpace.of(self.facts.contract)

    @cached_property
    def network(self) -> Any:
        """The network as a torch module, ready to be asked."""
        num_inputs = len(self.scaling.input_mean)
        return filled(
            lambda: network_for(
                self.facts.config, self.space, num_inputs, ends_in_tanh=self.facts.ends_in_tanh
            ),
            self.weights,
            "the policy",
        )

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
        camera = self.facts.config.camera
        return {camera: self.facts.image_size} if camera else {}

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
            image = np.asarray(observation[config.camera])
            images = shrink(image, config.image_size, shape=self.facts.image_size)[None]
        return self.predict(np.concatenate(parts)[None], images)[0]

    def predict(
        self, inputs: Float[np.ndarray, "row input"], images: np.ndarray | None
    ) -> Float[np.ndarray, "row chunk action"]:
        """Planned actions for many rows."""
        import torch

        with torch.inference_mode():
            rows = torch.from_numpy(self.scaling.inputs(inputs)).float()
            # A copy: pictures may come from a memory that torch must not write to.
            pictures = None if images is None else torch.tensor(images)
            out = run_policy(self.network, rows, pictures, chunk=self.facts.config.chunk)
        encoded = self.scaling.raw(out.flatten(0, 1).numpy().astype(float))
        return self.space.decode(encoded[None]).reshape(len(inputs), self.facts.config.chunk, -1)


def network_for(
    config: BcConfig, space: ActionSpace, num_inputs: int, *, ends_in_tanh: bool = False
) -> Any:
    """A network of the size that settings and contract ask for."""
    return build_policy(
        num_inputs=num_inputs,
        sees_images=bool(config.camera),
        hidden=config.hidden,
        num_outputs=config.chunk * space.num_encoded,
        ends_in_tanh=ends_in_tanh,
    )


def save_policy(policy: BcPolicy, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    arrays = {f"scaling.{name}": value for name, value in vars(policy.scaling).items()}
    arrays |= {f"network.{name}": value for name, value in policy.weights.items()}
    POLICY_FOLDER.save(folder, policy.facts, arrays, policy.metrics)


def load_bc_policy(folder: Path) -> BcPolicy:
    """A trained policy from its folder.

    Raises:
        UsageError: The folder is incomplete or damaged, or was written by another version.
    """
    facts, arrays, metrics = POLICY_FOLDER.load(folder)
    num_inputs, num_encoded = facts.num_inputs, ActionSpace.of(facts.contract).num_encoded
    scaling: dict[str, Shape] = {
        "input_mean": (num_inputs,),
        "input_scale": (num_inputs,),
        "encoded_mean": (num_encoded,),
        "encoded_scale": (num_encoded,),
    }
    check_shapes(below(arrays, "scaling."), scaling, folder / WEIGHTS)
    return BcPolicy(facts, Scaling(**below(arrays, "scaling.")), below(arrays, "network."), metrics)
