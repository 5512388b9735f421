"""Several processes that train together: which of them reads first, writes and speaks.

`accelerate launch` and `torchrun` start the same command several times and tell each process by its
environment which one it is. All prepare the same data; each takes its share of every batch (see
`shares`). Whatever is written or said is the first one's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from rotoscope.pipeline.errors import AnotherProcessError, UsageError

if TYPE_CHECKING:
    from rotoscope.models.training.config import LoopConfig

_PATIENCE = timedelta(days=7)
"""How long a process waits for another: the first may decode hundreds of hours. One that fails is
not waited for, launchers end the others."""


def num_processes() -> int:
    """How many train together; 1 where no launcher started this one."""
    return int(os.environ.get("WORLD_SIZE", 1)) if "LOCAL_RANK" in os.environ else 1


def process_index() -> int:
    """Which of them this is, from 0."""
    return int(os.environ["RANK"]) if num_processes() > 1 else 0


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return process_index() == 0


def check_processes(config: LoopConfig, num_rows: int) -> None:
    """Refuses more processes than there are rows in a batch, or GPUs; opens their group.

    Args:
        config: Settings.
        num_rows: Rows of a batch.

    Raises:
        UsageError: That, or `accelerate` is not installed.
    """
    num = num_processes()
    if num == 1:
        return
    if num_rows < num:
        raise UsageError(
            f"batches have {num_rows} rows (batch_size={config.batch_size}), less than one for "
            f"each of {num} processes; raise loop.batch_size, give more data, or start fewer "
            "processes"
        )
    place = accelerator().device.type
    if config.device == "cpu" and place != "cpu":
        raise UsageError(
            f"device=cpu, but {num} processes share GPUs here; leave loop.device out, or hide the "
            "GPUs from all of them with CUDA_VISIBLE_DEVICES= in front of the command"
        )


def refuse_several(what: str) -> None:
    """Refuses to do in each of several processes what is meant to be done once.

    Raises:
        UsageError: A launcher started several; the first says so.
        AnotherProcessError: In the others.
    """
    num = num_processes()
    if not is_first():
        raise AnotherProcessError(f"{what} runs in one process, this is another")
    if num > 1:
        raise UsageError(
            f"{what} runs in one process, and a launcher started {num}; start it without "
            "'accelerate launch' or 'torchrun' (train's labelers, latent-action and policy bc "
            "run in several)"
        )


def accelerator() -> Any:
    """Accelerate's hold on the group of processes, opened the first time.

    Raises:
        UsageError: `accelerate` is not installed, there are more processes than GPUs, or the
            launcher was told to shard networks.
    """
    return _group().accelerator


def of_first[T](make: Callable[[], T]) -> T:
    """What the first process makes, in all of them."""
    if num_processes() == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    accelerator()
    told = [make() if is_first() else None]
    broadcast_object_list(told)
    return told[0]  # type: ignore[return-value]


def in_turns[T](make: Callable[[], T]) -> T:
    """What `make` gives: in the first process, then one of each other machine, then the rest.

    What it leaves on disk is made once, and found by whoever shares that disk.
    """
    if num_processes() == 1:
        return make()
    group = accelerator()
    made: list[T] = []
    for is_turn in (group.is_main_process, group.is_local_main_process, True):
        if is_turn and not made:
            made.append(make())
        group.wait_for_everyone()
    return made[0]


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Around a training: all end together, and an error is told by the process that met it first.

    Raises:
        AnotherProcessError: Another process failed before this one, and says why.
    """
    if num_processes() == 1:
        yield
        return
    group = _group()
    try:
        yield
        group.accelerator.wait_for_everyone()
    except BaseException as error:
        # Waiting for others in order to part in order would never end.
        atexit.unregister(_close)
        if not group.is_first_to_fail():
            raise AnotherProcessError(
                f"process {process_index()} of {num_processes()} ended because another failed"
            ) from error
        raise


@dataclass(frozen=True)
class _Group:
    """The processes as they know each other."""

    accelerator: Any
    store: Any
    """Values that all of them see, kept by the launcher."""

    def is_first_to_fail(self) -> bool:
        """Whether no other process failed before; asked once."""
        try:
            return bool(self.store.add("failed", 1) == 1)
        except RuntimeError:  # torch: the launcher, who keeps it, is gone
            return is_first()


@cache
def _group() -> _Group:
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise UsageError(
            f"{num_processes()} processes were started, and the package accelerate, through which "
            "they train together, is not installed: pip install 'rotoscope[gpus]', or start the "
            "command without a launcher"
        ) from error
    import torch
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    has_cuda, here = torch.cuda.is_available(), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if has_cuda and here > torch.cuda.device_count():
        raise UsageError(
            f"{here} processes were started here for {torch.cuda.device_count()} GPUs; start one "
            "for each at most (--num_processes)"
        )
    store, rank, size = next(rendezvous("env://", timeout=_PATIENCE))
    # A launcher that starts all of them anew keeps the values of before.
    start = f"rotoscope/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
    store = PrefixStore(start, store)
    torch.distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_cuda else "gloo",
        store=PrefixStore("group", store),
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
    atexit.register(_close)
    # Some parts of networks have no say in some losses.
    whole = DistributedDataParallelKwargs(find_unused_parameters=True)
    # Bfloat16 is `loop.mixed_precision`, whatever the launcher was told.
    made = Accelerator(cpu=not has_cuda, mixed_precision="no", kwargs_handlers=[whole])
    if made.distributed_type not in ("MULTI_CPU", "MULTI_GPU"):
        raise UsageError(
            f"the launcher was told to train by {str(made.distributed_type).split('.')[-1]}; "
            "networks here fit on each GPU and are trained whole on all: start it with --multi_gpu"
        )
    return _Group(made, store)


def let_go() -> None:
    """Frees what the group holds of a network that was trained."""
    if num_processes() > 1:
        accelerator().free_memory()


def _close() -> None:
    import torch

    torch.distributed.destroy_process_group()
