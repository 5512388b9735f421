"""Which device a network runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda"]
"""`auto` takes CUDA where it is free."""


def torch_device(device: Device) -> torch.device:
    """The device of that name.

    Raises:
        UsageError: CUDA is asked for and there is none.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise UsageError("device=cuda, but no CUDA device is free; use device=auto or device=cpu")
    return torch.device("cuda" if has_cuda and device != "cpu" else "cpu")
