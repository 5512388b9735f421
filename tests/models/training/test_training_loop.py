"""Training gives the same weights whether or not it was killed, and refuses what it must."""

import dataclasses
import os
import sys

import pytest

from rotoscope.models.training.checkpoint import (
    CHECKPOINT_VERSION,
    load_checkpoint,
    save_checkpoint,
)
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.loop import Problem, batched_mean, train
from rotoscope.models.training.rows import Rows
from rotoscope.pipeline.errors import UsageError

CONFIG = LoopConfig(
    num_steps=60, batch_size=16, eval_every=10, checkpoint_every=7, patience=100, device="cpu"
)


class Killed(BaseException):
    """Stands for a kill: nothing in the loop catches it."""


@dataclasses.dataclass
class Bomb:
    at_call: int = -1
    calls: int = 0

    def tick(self):
        self.calls += 1
        if self.calls == self.at_call:
            raise Killed


def problem(bomb=None, fingerprint="data"):
    import torch

    bomb = bomb or Bomb()
    rows = torch.randn(100, 3, generator=torch.Generator().manual_seed(5))
    targets = rows.sum(1, keepdim=True)

    def read_from(inputs, wanted):
        return Rows(len(inputs), lambda some: {"inputs": inputs[some], "wanted": wanted[some]})

    def loss(module, batch):
        if module.training:
            bomb.tick()
        return ((module(batch["inputs"]) - batch["wanted"]) ** 2).mean()

    return Problem(
        name="sum",
        build=lambda: torch.nn.Sequential(
            torch.nn.Linear(3, 16), torch.nn.Dropout(0.2), torch.nn.Linear(16, 1)
        ),
        fitted=read_from(rows[:80], targets[:80]),
        held_out=read_from(rows[80:], targets[80:]),
        loss=loss,
        fingerprint=fingerprint,
    )


@pytest.mark.parametrize("at_call", [3, 25, 59])
def test_killed_training_ends_with_the_same_weights(tmp_path, at_call):
    import torch

    whole = train(problem(), CONFIG, checkpoint=tmp_path / "whole.pt")
    with pytest.raises(Killed):
        train(problem(Bomb(at_call)), CONFIG, checkpoint=tmp_path / "killed.pt")
    bomb = Bomb()
    again = train(problem(bomb), CONFIG, checkpoint=tmp_path / "killed.pt")
    assert bomb.calls == 60 - (at_call - 1) // 7 * 7
    assert again.validation == whole.validation
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_mean_of_batches_is_that_of_all_rows(size):
    import torch

    values = torch.arange(7.0) ** 2
    mean = batched_mean(lambda rows: values[rows].mean(), 7, size)
    assert mean == pytest.approx(13.0)


def test_training_leaves_the_generator_of_others_alone(tmp_path):
    import torch

    torch.manual_seed(1)
    before = torch.get_rng_state()
    train(problem(), CONFIG, checkpoint=tmp_path / "a.pt")
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_gives_other_weights(tmp_path):
    other = CONFIG.model_copy(update={"seed": 1})
    one = train(problem(), CONFIG, checkpoint=tmp_path / "a.pt")
    two = train(problem(), other, checkpoint=tmp_path / "b.pt")
    assert one.validation != two.validation


def test_training_stops_when_held_out_loss_no_longer_falls(tmp_path):
    import torch

    losses = iter([3.0, 2.0, 2.5, 2.6, 2.7, 0.0])

    def loss(module, batch):
        found = made.loss(module, batch)
        return found if module.training else torch.tensor(next(losses))

    made = problem()
    stuck = dataclasses.replace(made, loss=loss)
    config = CONFIG.model_copy(update={"patience": 2, "batch_size": 20})
    done = train(stuck, config, checkpoint=tmp_path / "a.pt")
    assert (done.steps, done.validation) == (40, 2.0)


def test_events_tell_steps_and_losses(tmp_path):
    told = []
    train(problem(), CONFIG, checkpoint=tmp_path / "a.pt", listener=told.append)
    assert [event.step for event in told] == [10, 20, 30, 40, 50, 60]
    assert told[-1].best == min(event.validation for event in told)


def test_checkpoint_of_other_data_is_refused(tmp_path):
    train(problem(), CONFIG, checkpoint=tmp_path / "a.pt")
    with pytest.raises(UsageError, match="other settings or other data"):
        train(problem(fingerprint="others"), CONFIG, checkpoint=tmp_path / "a.pt")


def test_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "a.pt", {}, fingerprint="x")
    monkeypatch.setattr(
        "rotoscope.models.training.checkpoint.CHECKPOINT_VERSION", CHECKPOINT_VERSION + 1
    )
    with pytest.raises(UsageError, match="is of version 2, this program reads version 3"):
        load_checkpoint(tmp_path / "a.pt", fingerprint="x")


def test_cuda_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = CONFIG.model_copy(update={"device": "cuda"})
    with pytest.raises(UsageError, match="no CUDA device is free"):
        train(problem(), config, checkpoint=tmp_path / "a.pt")


def test_loss_that_is_not_finite_is_refused(tmp_path):
    config = CONFIG.model_copy(update={"learning_rate": 1e30, "clip_norm": 1e30})
    with pytest.raises(UsageError, match="lower learning_rate"):
        train(problem(), config, checkpoint=tmp_path / "a.pt")


def test_tensorboard_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = CONFIG.model_copy(update={"tensorboard": True})
    with pytest.raises(UsageError, match="pip install tensorboard"):
        train(problem(), config, checkpoint=tmp_path / "a.pt")


def test_tensorboard_curves_are_written(tmp_path):
    pytest.importorskip("tensorboard")
    config = CONFIG.model_copy(update={"tensorboard": True})
    train(problem(), config, checkpoint=tmp_path / "work" / "run.pt")
    (events,) = (tmp_path / "work" / "tensorboard").rglob("events.out.tfevents.*")
    written = events.read_bytes()
    assert b"validation" in written
    assert b"loss" in written


def test_no_step_waits_for_the_device(tmp_path, monkeypatch):
    import torch

    asked = []
    for name in ("item", "tolist", "__float__", "cpu"):
        own = getattr(torch.Tensor, name)

        def noted(self, *args, own=own, name=name):
            # AdamW's own count of steps lies in memory, wherever the weights are.
            if f"{os.sep}optim{os.sep}" not in sys._getframe(1).f_code.co_filename:
                asked.append(name)
            return own(self, *args)

        monkeypatch.setattr(torch.Tensor, name, noted)
    between = []
    made = problem()

    def loss(module, batch):
        if module.training:
            between.append(list(asked))
        asked.clear()
        return made.loss(module, batch)

    config = CONFIG.model_copy(update={"eval_every": 60, "checkpoint_every": 60})
    train(dataclasses.replace(made, loss=loss), config, checkpoint=tmp_path / "a.pt")
    assert len(between) == 60
    assert not any(between[1:])


def test_events_tell_frames_a_second_by_part(tmp_path):
    told = []
    train(problem(), CONFIG, checkpoint=tmp_path / "a.pt", listener=told.append)
    for event in told:
        assert set(event.frames_per_s) == {"read", "to device", "step"}
        assert min(event.frames_per_s.values()) > 0


def test_of_many_held_out_rows_some_are_measured_on(monkeypatch):
    import torch

    from rotoscope.models.training import loop

    monkeypatch.setattr(loop, "MAX_EVALUATED", 10)
    asked = []

    def loss(rows):
        asked.extend(rows.tolist())
        return torch.from_numpy(rows).double().mean()

    assert batched_mean(loss, 1000, 4) == pytest.approx(450.0)
    assert asked == list(range(0, 1000, 100))
