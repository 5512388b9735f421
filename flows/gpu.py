"""One GPU, many runs: whoever uses it waits for Prefect's global concurrency limit `gpu`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prefect.concurrency.sync import concurrency

from rotoscope.pipeline.recipe import Recipe

LIMIT = "gpu"


def uses_gpu(recipe: Recipe) -> bool:
    """Whether a stage was told to run on a CUDA device."""
    devices = (getattr(entry.config, "device", "") for entry in recipe.stages)
    return any(str(device).startswith("cuda") for device in devices)


@contextlib.contextmanager
def gpu_of(recipe: Recipe) -> Iterator[None]:
    """Holds a place on the GPU where the recipe needs one; a limit that is not there holds none."""
    if not uses_gpu(recipe):
        yield
        return
    with concurrency(LIMIT, occupy=1, strict=False):
        yield
