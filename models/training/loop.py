"""One training loop for all learned labelers.

Same input, same settings: same weights, on a CPU bit for bit, whether or not the process was
killed on the way. Everything random comes from the seed; the order of the batches is a function of
seed and step, so that a checkpoint needs no position but the step. Several processes take a share
of each of these batches: the weights are the same but for the order in which numbers are added.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from rotoscope.models.checkpoints.device import torch_device
from rotoscope.models.training.checkpoint import load_checkpoint, save_checkpoint
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.curves import curves, tensorboard_writer
from rotoscope.models.training.events import TrainEvent, TrainListener
from rotoscope.models.training.processes import (
    check_processes,
    is_first,
    let_go,
    num_processes,
    of_first,
)
from rotoscope.models.training.rows import Batch, Feed, Rows, batch_rows
from rotoscope.models.training.shares import (
    mean_in_all,
    own_share,
    seed_of_step,
    shared_loss,
    with_joint_statistics,
)
from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    import torch

MAX_EVALUATED = 2**16
"""Held-out rows at most that an evaluation takes."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be trained, on which rows, scored on which others."""

    name: str
    """Shown in events."""
    build: Callable[[], torch.nn.Module]
    """Makes the network; its initial weights come from torch's generator."""
    fitted: Rows
    """Rows to draw batches from."""
    held_out: Rows
    """Rows of held-out episodes; of many, some evenly spread are measured on."""
    loss: Callable[[torch.nn.Module, Batch], torch.Tensor]
    """Mean loss of a batch of either; the network's mode tells which."""
    fingerprint: str
    """Hash of data and settings that decide the outcome beyond those of the loop."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gave."""

    module: torch.nn.Module
    """The network with its best averaged weights, on the CPU, in evaluation mode."""
    steps: int
    """Steps done."""
    validation: float
    """Its loss on the held-out episodes."""


def check_loop(config: LoopConfig) -> None:
    """Refuses settings that this machine cannot meet, before any data are read.

    Raises:
        UsageError: CUDA or TensorBoard is asked for and there is none, or batches have fewer rows
            than processes share them.
    """
    check_processes(config, config.batch_size)
    choose_device(config)
    if config.tensorboard:
        tensorboard_writer()


def choose_device(config: LoopConfig) -> torch.device:
    """Where training runs.

    Raises:
        UsageError: CUDA is asked for and there is none.
    """
    return torch_device(config.device)


def batched_mean(
    loss: Callable[[Int[np.ndarray, " row"]], torch.Tensor], num_rows: int, size: int
) -> float:
    """Mean over rows of a loss that is the mean over the rows it is given, `size` at a time.

    Of more than `MAX_EVALUATED` rows, over so many that are evenly spread.
    """
    import torch

    num = min(num_rows, MAX_EVALUATED)
    rows = np.arange(num) * num_rows // num
    parts = [rows[start : start + size] for start in range(0, num, size)]
    # One wait for the device, not one a batch.
    losses = torch.stack([loss(part) for part in parts]).double().tolist()
    total = 0.0
    for one, part in zip(losses, parts, strict=True):
        total += one * len(part)
    return total / num


def train(
    problem: Problem,
    config: LoopConfig,
    *,
    checkpoint: Path,
    listener: TrainListener | None = None,
) -> Trained:
    """Trains a network; goes on from `checkpoint` where that is there.

    Where a launcher started several processes, all of them train it and get the same; the first
    evaluates, writes and tells.

    Raises:
        UsageError: No such device, TensorBoard is asked for and not installed, a checkpoint of
            other settings, a loss that is not finite, or fewer rows than processes.
    """
    with _seeded(config.seed):
        run = _Run(problem, config, checkpoint)
        with closing(run.feed), curves(config, checkpoint, problem.name) as write:
            while not run.is_over:
                run.advance()
                for told in run.events():
                    write(told)
                    if listener is not None and is_first():
                        listener(told)
        return run.result()


class _Run:
    """State of one training."""

    def __init__(self, problem: Problem, config: LoopConfig, checkpoint: Path) -> None:
        import torch

        self.problem, self.config, self.path = problem, config, checkpoint
        self.num_rows = min(config.batch_size, problem.fitted.num)
        check_processes(config, self.num_rows)
        self.share = len(own_share(np.arange(self.num_rows))) / self.num_rows
        self.device = choose_device(config)
        settings = config.model_dump_json(exclude={"checkpoint_every", "tensorboard"})
        self.fingerprint = f"{problem.fingerprint}|{settings}|{self.device.type}"
        self.module = with_joint_statistics(problem.build().to(self.device))
        self.optimizer = torch.optim.AdamW(
            self.module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = _copy(self.module.state_dict())
        self.best_weights = _copy(self.average)
        self.step = self.evals_since_best = 0
        self.best = math.inf
        self.losses: list[torch.Tensor] = []
        self._resume()
        self.loss = shared_loss(problem.loss, self.module)
        self.feed = Feed(problem.fitted, self._own_rows, config.num_steps, self.device)
        self._began = (time.perf_counter(), self.step)

    @property
    def is_over(self) -> bool:
        return self.step >= self.config.num_steps or self.evals_since_best >= self.config.patience

    def advance(self) -> None:
        """One step."""
        import torch

        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * _cosine(self.step / config.num_steps)
        self.module.train()
        is_mixed = config.mixed_precision and self.device.type == "cuda"
        batch = self.feed(self.step)
        if num_processes() > 1:
            torch.manual_seed(seed_of_step(config.seed, self.step))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_mixed):
            loss = self.loss(batch, self.share)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), config.clip_norm)
        self.optimizer.step()
        self.step += 1
        # Not looked at yet: that would wait for the device in every step.
        self.losses.append(loss.detach())
        self._average_weights()

    def events(self) -> Iterator[TrainEvent]:
        """Evaluates on the held-out episodes and writes checkpoints when it is time."""
        config = self.config
        told: TrainEvent | None = None
        losses: list[float] = []
        is_told = self.step % config.eval_every == 0 or self.step == config.num_steps
        is_kept = self.step % config.checkpoint_every == 0
        if is_told or is_kept:
            losses = self._checked_losses()
        if is_told:
            told, losses = self._evaluate(losses), []
        if is_first() and (is_kept or self.is_over):
            save_checkpoint(self.path, self._state(losses), fingerprint=self.fingerprint)
        if told is not None:
            yield told

    def result(self) -> Trained:
        let_go()
        weights = of_first(lambda: {k: v.cpu() for k, v in self.best_weights.items()})
        self.module.to("cpu").load_state_dict(weights)
        return Trained(self.module.eval(), self.step, self.best)

    def _own_rows(self, step: int) -> Int[np.ndarray, " row"]:
        num, config = self.problem.fitted.num, self.config
        return own_share(batch_rows(num, config.batch_size, seed=config.seed, step=step))

    def _checked_losses(self) -> list[float]:
        """Refuses to go on, or to keep a checkpoint, once a loss was not finite."""
        import torch

        if not self.losses:
            return []
        losses: list[float] = mean_in_all(torch.stack(self.losses).double()).tolist()
        for number, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise UsageError(
                    f"{self.problem.name}: the loss is {loss} after "
                    f"{self.step - len(losses) + number + 1} steps; lower learning_rate (now "
                    f"{self.config.learning_rate:g})"
                )

        return losses

    def _average_weights(self) -> None:
        # Early on the average would be dominated by the initial weights.
        decay = min(self.config.ema_decay, self.step / (self.step + 10))
        for name, value in self.module.state_dict().items():
            kept = self.average[name]
            if kept.is_floating_point():
                kept.mul_(decay).add_(value.detach(), alpha=1 - decay)
            else:
                kept.copy_(value)

    def _evaluate(self, losses: list[float]) -> TrainEvent:
        """A look at the held-out episodes, by the first process; the others take its word."""
        config, rates = self.config, self._rates()
        validation = of_first(self._validation)
        self.evals_since_best += 1
        if validation < self.best:
            self.best, self.evals_since_best = validation, 0
            self.best_weights = _copy(self.average)
        loss = sum(losses) / max(1, len(losses))
        self.losses, self._began = [], (time.perf_counter(), self.step)
        self.feed.forget()
        return TrainEvent(
            self.problem.name, self.step, config.num_steps, loss, validation, self.best, rates
        )

    def _validation(self) -> float:
        import torch

        problem = self.problem
        own = _copy(self.module.state_dict())
        self.module.load_state_dict(self.average)
        self.module.eval()
        with torch.no_grad():
            validation = batched_mean(
                lambda rows: problem.loss(
                    self.module, self.feed.moved(problem.held_out.read(rows))
                ),
                problem.held_out.num,
                self.config.batch_size,
            )
        self.module.load_state_dict(own)
        return validation

    def _rates(self) -> dict[str, float]:
        """Frames a second by part since the last event."""
        seconds = dict(self.feed.seconds)
        began_s, step = self._began
        spent_s = time.perf_counter() - began_s
        seconds["step"] = spent_s - seconds["wait"] - seconds["to device"]
        num = (self.step - step) * self.num_rows * self.problem.fitted.frames
        return {part: num / max(s, 1e-9) for part, s in seconds.items() if part != "wait"}

    def _state(self, losses: list[float]) -> dict[str, Any]:
        import torch

        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state()
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "best_weights": self.best_weights,
            "best": self.best,
            "step": self.step,
            "evals_since_best": self.evals_since_best,
            "losses": losses,
            "random": random,
        }

    def _resume(self) -> None:
        import torch

        state = of_first(lambda: load_checkpoint(self.path, fingerprint=self.fingerprint))
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = {k: v.to(self.device) for k, v in state["average"].items()}
        self.best_weights = {k: v.to(self.device) for k, v in state["best_weights"].items()}
        self.best, self.step = state["best"], state["step"]
        self.evals_since_best, self.losses = state["evals_since_best"], []
        for loss in state["losses"]:
            self.losses.append(torch.tensor(loss, device=self.device))
        torch.set_rng_state(state["random"]["cpu"])
        if "cuda" in state["random"] and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"])


def _copy(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _cosine(progress: float) -> float:
    """From 1 down to 0.1."""
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Generators of torch start from `seed` and are put back afterwards."""
    import torch

    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
