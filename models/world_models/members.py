"""Labelers made of several small networks, each of which never saw a part of the episodes.

The networks that say what errors are on episodes left out are those that label afterwards, together
(cross-conformal prediction, Vovk 2015): none is trained for its errors alone.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from rotoscope.models.checkpoints.device import torch_device
from rotoscope.models.labelers.held_out import judge
from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.checkpoint import work_folder
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.loop import Problem, check_loop, train
from rotoscope.models.training.model_folder import filled
from rotoscope.models.training.sizes import SCALES, NetworkSize
from rotoscope.models.world_models.together import together
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError, UsageError

if TYPE_CHECKING:
    import torch

    from rotoscope.models.training.events import TrainListener

_HELD_OUT = 0.1
"""Share of the episodes that a network stops early on; one at least."""

_HIDDEN, _LAYERS = 256, 2
"""Width and layers of a perceptron of `size=small`."""


class MembersConfig(LabelerConfig):
    """What such a labeler sees, and how its networks are trained."""

    size: NetworkSize = "small"
    """How large the networks are."""
    loop: LoopConfig = Field(default_factory=LoopConfig)
    """How each network is trained."""


class MembersLabeler(Labeler):
    """Base of labelers whose arrays hold networks; the first axis of each counts them.

    A subclass learns one network in `fit`, by `_train`, and asks all of them in `label`, by
    `_together`.
    """

    Config: ClassVar[type[LabelerConfig]] = MembersConfig
    config: Any

    def __init__(self, config: Any, contract: ActionContract) -> None:
        super().__init__(config, contract)
        self._work: Path | None = None
        self._listener: TrainListener | None = None
        self._name = "network"
        self._asked: list[Any] = []
        self._joined: Any = None
        self._space = ActionSpace.of(contract)

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses pictures: what is modeled are numbers; and a device that is absent."""
        super().check_settings(config)
        name = cls.family().replace("_", "-")
        if config.camera or not config.inputs:
            raise UsageError(
                f"the labeler {name!r} predicts numbers, and sees no pictures: set inputs, such as "
                "-o inputs=[observation.state], and no camera"
            )
        check_loop(config.loop)

    @classmethod
    def _judged(
        cls, data: LabeledSet, config: Any, out: Path, listener: TrainListener | None
    ) -> Self:
        members: list[Self] = []

        def fit(part: LabeledSet) -> Any:
            member = cls(config, data.contract)
            member._work, member._listener = work_folder(out), listener
            member._name = f"network {len(members) + 1}"
            member.fit(part)
            members.append(member)
            return member.labels_of

        whole = cls(config, data.contract)
        whole._errors, whole.metrics = judge(fit, data, is_factor=cls.scales_width)
        names = members[0].arrays
        whole.arrays = {n: np.concatenate([m.arrays[n] for m in members]) for n in names}
        return whole

    def setup(self) -> None:
        """One thread, so that processes side by side do not fight."""
        import torch

        torch.set_num_threads(1)

    def _train(self, problem: Problem) -> torch.nn.Module:
        """Trains a network; goes on from a checkpoint where a training was killed."""
        file = problem.name.replace(" ", "_").replace(",", "") + ".pt"
        if self._work is not None:
            done = train(
                problem, self.config.loop, checkpoint=self._work / file, listener=self._listener
            )
            return done.module
        with tempfile.TemporaryDirectory() as folder:
            return train(problem, self.config.loop, checkpoint=Path(folder) / file).module

    def _keep(self, module: torch.nn.Module, others: dict[str, np.ndarray]) -> None:
        """A network and what belongs to it as the arrays of one member."""
        weights = {f"network.{k}": v.numpy() for k, v in module.state_dict().items()}
        self.arrays = {name: value[None] for name, value in (weights | others).items()}
        self._asked, self._joined = [], None

    @abstractmethod
    def _build(self) -> torch.nn.Module:
        """A network of the sizes that the arrays have."""

    def _networks(self) -> list[Any]:
        """All networks, on the device, ready to be asked."""
        if not self._asked:
            prefix = "network."
            weights = {k.removeprefix(prefix): v for k, v in self.arrays.items() if prefix in k}
            num, place = len(next(iter(weights.values()))), torch_device(self.device)
            self._asked = [
                filled(self._build, {k: v[i] for k, v in weights.items()}, self.family()).to(place)
                for i in range(num)
            ]
        return self._asked

    def _together(self) -> Any:
        """All networks as one, asked at once; their weights have no gradients."""
        if self._joined is None:
            self._joined = together(self._networks()).requires_grad_(False)
        return self._joined


def split(episodes: tuple[LabeledEpisode, ...], seed: int) -> tuple[list[int], list[int]]:
    """Episodes that a network learns from, and those that it stops early on.

    Both hold labeled ones; of those without any action as large a share.

    Raises:
        DatasetError: Fewer than two episodes have a valid action.
    """
    is_labeled = np.array([episode.valid.any() for episode in episodes])
    if is_labeled.sum() < 2:
        raise DatasetError(
            f"{int(is_labeled.sum())} of {len(episodes)} episodes have valid actions; at least 2 "
            "are needed, one of them to stop early on"
        )
    random = np.random.default_rng(seed)
    held: list[int] = []
    for kind in (is_labeled, ~is_labeled):
        order = random.permutation(np.flatnonzero(kind))
        few = max(int(kind is is_labeled), round(_HELD_OUT * len(order)))
        held += order[:few].tolist()
    return [i for i in range(len(episodes)) if i not in held], sorted(held)


def perceptron(num_inputs: int, num_outputs: int, size: NetworkSize) -> torch.nn.Module:
    """Numbers to numbers, beside a linear map; larger sizes are wider, with residual blocks.

    What is nearly linear, as actions are in how things move, needs not wait for the other layers.
    """
    from torch import nn

    class Both(nn.Module):
        def __init__(self, curved: nn.Module) -> None:
            super().__init__()
            self.curved, self.linear = curved, nn.Linear(num_inputs, num_outputs)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.curved(rows) + self.linear(rows)
            return found

    scale = SCALES[size]
    width = _HIDDEN * scale.width
    layers: list[nn.Module] = [nn.Linear(num_inputs, width), nn.SiLU()]
    for _ in range(_LAYERS - 1):
        layers += [nn.Linear(width, width), nn.SiLU()]
    layers += [_residual(width) for _ in range(scale.blocks)]
    return Both(nn.Sequential(*layers, nn.Linear(width, num_outputs)))


def _residual(width: int) -> torch.nn.Module:
    """A block that adds nothing at first, so that depth does no harm."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU())
            self.last = nn.Linear(width, width)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = rows + self.last(self.inner(rows))
            return found

    return Residual()
