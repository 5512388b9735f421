"""What the flows that label do, without Prefect."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

from rotoscope import api
from rotoscope.pipeline.run import label as running
from rotoscope.pipeline.run.label import LabelResult
from rotoscope.pipeline.run.request import load_request


def _result_of[**P](label: Callable[P, api.Run]) -> Callable[P, LabelResult]:
    @functools.wraps(label)
    def call(*args: P.args, **kwargs: P.kwargs) -> LabelResult:
        return label(*args, **kwargs).result

    return call


label = _result_of(api.label)
"""As `rotoscope.api.label`; what comes back can go from one process to another."""


def retry(
    dataset: str, *, workers: int = 1, only: str | None = None, allow_code: bool = False
) -> LabelResult:
    """Runs the failed videos of a dataset's run again; what comes back is as `label`'s."""
    request = load_request(Path(dataset), allow_code=allow_code)
    return running.label(dataclasses.replace(request, workers=workers), retry_only=only)
