"""`--prefect`: a command's work as a flow of `flows/`."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

WithPrefect = Annotated[
    bool, typer.Option("--prefect", help="Run as a Prefect flow (PREFECT_API_URL is honoured).")
]


def flow(module: str, name: str) -> Any:
    """A flow, such as `flow("train", "policy_flow")`.

    By name: `pipeline` does not know Prefect, only this option does.
    """
    return getattr(importlib.import_module(f"flows.{module}"), name)
