"""`--prefect`: a command's work as a flow of `flows/`."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Annotated, Any

import typer

WithPrefect = Annotated[
    bool,
    typer.Option(
        "--prefect",
        help="Run as a Prefect flow (PREFECT_API_URL is honoured). Where its server does not "
        "answer, the work is done without it.",
    ),
]


def flow(module: str, name: str) -> Any:
    """A flow, such as `flow("train", "policy_flow")`, in a process of its own.

    By name: `pipeline` does not know Prefect, only this option does.
    """
    return partial(importlib.import_module("rotoscope.flows.supervise").supervised, module, name)
