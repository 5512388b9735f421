"""Trying a policy as a Prefect flow; the work itself is `rotoscope eval`'s, run with --prefect."""

from __future__ import annotations

from typing import Any

from prefect import flow

from rotoscope import api
from rotoscope.flows.train import as_task, published
from rotoscope.models.checkpoints.device import Device


@flow(name="rotoscope-eval", validate_parameters=True, persist_result=False)
def evaluation_flow(
    policy: str,
    *,
    env: str,
    out: str,
    episodes: int = 50,
    seed: int = 0,
    num_filmed: int = 3,
    device: Device = "auto",
) -> dict[str, Any]:
    """Tries a policy in a simulator; see `rotoscope eval --help`."""
    given = {"env": env, "out": out, "episodes": episodes, "seed": seed, "num_filmed": num_filmed}
    given["device"] = device
    found = as_task(f"try {policy} in {env}", api.evaluate, policy, **given)
    return published("eval-summary", f"{policy} in {env}", found)
