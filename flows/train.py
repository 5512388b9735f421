"""Training a labeler as a Prefect flow; the work itself is `rotoscope train`'s.

Run it with `rotoscope train ... --prefect`. A run that was killed is simply run again: checkpoints
lie beside the labeler's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from pipeline import registry


@task(task_run_name="train {out}", log_prints=False)
def train_labeler(
    data: str, out: str, overrides: list[str], contract: str | None
) -> dict[str, Any]:
    """Trains in this process; only paths and scores cross the task's border."""
    train = registry.helper("train_inverse_dynamics")
    path = Path(contract) if contract else None
    metrics: dict[str, Any] = train(Path(data), Path(out), overrides, contract=path).metrics
    return metrics


@flow(name="rotoscope-train", validate_parameters=True, persist_result=False)
def train_flow(
    data: str, out: str, overrides: list[str] | None = None, contract: str | None = None
) -> dict[str, Any]:
    """Trains an inverse dynamics labeler; see `rotoscope train inverse-dynamics --help`."""
    metrics = train_labeler(data, out, overrides or [], contract)
    rows = [f"| {k} | {v} |" for k, v in metrics.items() if isinstance(v, int | float)]
    text = "\n".join([f"# {out}", "", "| score on held-out episodes | |", "|---|---|", *rows])
    create_markdown_artifact(markdown=text, key="train-summary")
    return metrics


def run(
    data: str, out: str, overrides: list[str] | None = None, contract: str | None = None
) -> dict[str, Any]:
    """Runs the flow here; arguments as `train_flow`."""
    metrics: dict[str, Any] = train_flow(data, out, overrides, contract)
    return metrics
