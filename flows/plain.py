"""What the flow that labels does, without Prefect."""

from __future__ import annotations

import functools
from collections.abc import Callable

from rotoscope import api
from rotoscope.pipeline.run.label import LabelResult


def _result_of[**P](label: Callable[P, api.Run]) -> Callable[P, LabelResult]:
    @functools.wraps(label)
    def call(*args: P.args, **kwargs: P.kwargs) -> LabelResult:
        return label(*args, **kwargs).result

    return call


label = _result_of(api.label)
"""As `rotoscope.api.label`; what comes back can go from one process to another."""
