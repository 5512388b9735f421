"""A policy that LeRobot trained, asked for one action at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.policy.lerobot_encoder import ENVIRONMENT, Sight
from rotoscope.models.policy.lerobot_facts import read_facts
from rotoscope.models.simulators.simulator import STATE
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside, walk
from rotoscope.pipeline.quoting import shown

_CONFIG = "config.json"


@dataclass(eq=False)
class LerobotPolicy:
    """One of LeRobot's policies with its own processors around it."""

    module: Any
    """The policy."""
    before: Any
    """LeRobot's processor of observations."""
    after: Any
    """LeRobot's processor of actions."""
    contract: ActionContract | None
    """What its actions mean; `None` where nobody knows."""
    state_names: dict[str, tuple[str, ...]]
    """`observation.state` and what its numbers are, where known."""
    sight: Sight | None = None
    """What it sees pictures through; `None` where it sees them itself, or none."""

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Cameras that it must be given, and the width and height it learned from [px]."""
        if self.sight is not None:
            return self.sight.image_sizes
        found = self.module.config.image_features
        return {name: (int(f.shape[2]), int(f.shape[1])) for name, f in found.items()}

    def reset(self, seed: int) -> None:
        """Begins an episode; what is random in the policy comes from `seed`."""
        import torch

        torch.manual_seed(seed)
        self.module.reset()

    def act(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " action"]:
        """The next action."""
        import torch

        batch: dict[str, Any] = {"task": [""]}
        for name, feature in self.module.config.input_features.items():
            if self.sight is not None and name == ENVIRONMENT:
                values = self.sight.of_observation(observation)
            else:
                values = observation[name]
            if name in self.image_sizes:
                pixels = np.ascontiguousarray(values.transpose(2, 0, 1))
                batch[name] = torch.from_numpy(pixels).float()[None] / 255
                continue
            if values.shape != tuple(feature.shape):
                raise UsageError(
                    f"the policy sees {feature.shape[0]} numbers in {name}, the simulator gives "
                    f"{len(values)}"
                )
            batch[name] = torch.from_numpy(values).float()[None]
        with torch.inference_mode():
            action = self.after(self.module.select_action(self.before(batch)))
        return np.asarray(action[0].cpu().numpy(), np.float32)


def _refusals() -> tuple[type[Exception], ...]:
    """What LeRobot's readers raise over a folder whose settings or weights are not as they were."""
    from draccus.utils import DraccusException
    from safetensors import SafetensorError

    own = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError, ImportError)
    return (*own, ArithmeticError, AssertionError, DraccusException, SafetensorError)


def find_checkpoint(folder: Path) -> Path | None:
    """The folder that holds LeRobot's `config.json`: this one, or its last checkpoint."""
    for place in (".", "pretrained_model", "checkpoints/last/pretrained_model"):
        files = [
            inside(folder, f"{place}/{name}", what="the file", error=UsageError)
            for name in (_CONFIG, "model.safetensors")
        ]
        if all(file.is_file() for file in files):
            return files[0].parent
    return None


def load_lerobot(folder: Path, device: Device = "auto") -> LerobotPolicy:
    """Loads weights and processors; the policy runs on a device, its own choice where `auto`.

    Raises:
        UsageError: LeRobot knows no such policy, or does not read the folder, or a file of it is a
            link that leads out of it; or there is no such device.
    """
    # LeRobot chooses itself which of them it reads.
    for _ in walk(folder, ".", what="the file", error=UsageError):
        pass
    from lerobot.configs import PreTrainedConfig
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors

    try:
        config = PreTrainedConfig.from_pretrained(folder)
        if device != "auto":
            config.device = torch_device(device).type
        policy_class = get_policy_class(config.type)
        module = policy_class.from_pretrained(folder, config=config)
        module.to(config.device).eval()
        before, after = make_pre_post_processors(
            policy_cfg=config,
            pretrained_path=str(folder),
            preprocessor_overrides={"device_processor": {"device": str(config.device)}},
        )
    except _refusals() as error:
        raise UsageError(
            f"{folder} holds no policy that LeRobot reads: {type(error).__name__}: "
            f"{shown(str(error))}"
        ) from error
    facts = read_facts(folder)
    sight = None
    if facts is not None and facts.encoder is not None:
        sight = Sight.load(folder, facts.encoder, device)
    names = {}
    if facts is not None and facts.state_names and STATE in config.input_features:
        names = {STATE: facts.state_names}
    return LerobotPolicy(module, before, after, facts.contract if facts else None, names, sight)
