"""What is shown of a run, and that showing it never costs the work."""

import dataclasses
import logging
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from prefect.client.schemas.objects import StateType

from rotoscope.flows import artifacts
from rotoscope.flows.artifacts import WITH_FAILURES, ended, key_of, only_shown, summary
from rotoscope.flows.gpu import gpu_of, uses_gpu
from rotoscope.pipeline.run.label import LabelResult
from rotoscope.pipeline.run.ledger import Row

DONE = Row("a.mp4", "done", frames=40, cpu_s=2.5, peak_memory_gib=0.25, episodes=("e",))
DONE = dataclasses.replace(DONE, detail={"rows": 40, "valid_rows": 30})
FAILED = Row("b|c.mp4", "failed", stage="probe", error="NotAVideoError", message="no\nvideo")
OUT = Path("datasets/cups")


def result(*rows: Row, error: str = "") -> LabelResult:
    return LabelResult(rows, None if error else OUT, True, error)


@pytest.mark.parametrize(
    ("name", "key"),
    [("Cups 2", "cups-2-summary"), ("täse_1", "t-se-1-summary"), ("猫", "dataset-summary")],
)
def test_key_has_only_letters_that_prefect_allows(name, key):
    assert key_of(Path("x") / name, "summary") == key


@pytest.mark.parametrize(
    ("of", "name", "kind"),
    [
        (result(DONE), "Completed", StateType.COMPLETED),
        (result(DONE, FAILED), WITH_FAILURES, StateType.FAILED),
        (result(DONE, error="DiskFullError: full"), "Dataset not written", StateType.FAILED),
    ],
)
def test_only_a_run_without_failures_is_green(of, name, kind):
    state = ended(of)
    assert (state.name, state.type, state.data) == (name, kind, of)
    assert of.publish_error in state.message


def test_summary_counts_what_the_ledger_holds():
    text = summary(result(DONE, FAILED), SimpleNamespace(recipe=SimpleNamespace(name="lamp")))
    for said in ("# lamp", "| done | 1 |", "| failed | 1 |", "| frames | 40 |", "40, 75%", "2.5 s"):
        assert said in text


def test_failed_video_costs_one_line(caplog):
    artifacts.tell(FAILED)
    assert caplog.messages == ["b|c.mp4: NotAVideoError in probe: no video"]
    task = logging.LogRecord("prefect.task_runs", logging.ERROR, "", 0, "", (), None)
    for told in ("Task run failed with state: %(state)s", "Finished in state Failed('x')"):
        task.msg = told
        assert not logging.getLogger("prefect.task_runs").filter(task)
    task.msg = "something else"
    assert logging.getLogger("prefect.task_runs").filter(task)


def test_server_that_is_away_costs_a_line_and_a_defect_is_no_server(caplog):
    with only_shown():
        raise httpx.ConnectError("refused\nand more")
    assert caplog.messages == ["not shown: refused"]
    with pytest.raises(ZeroDivisionError), only_shown():
        _ = 1 / 0


def recipe_on(*devices):
    return SimpleNamespace(
        stages=[SimpleNamespace(config=SimpleNamespace(device=device)) for device in devices]
    )


def test_only_what_was_told_to_use_a_gpu_waits_for_it(monkeypatch):
    held = []

    def concurrency(name, **options):
        held.append(name)
        return only_shown()

    monkeypatch.setattr("rotoscope.flows.gpu.concurrency", concurrency)
    for devices in ((), ("cpu", "auto"), ("cpu", "cuda"), ("cuda:1",)):
        with gpu_of(recipe_on(*devices)):
            assert bool(held) == uses_gpu(recipe_on(*devices)) == any("cuda" in d for d in devices)
        held.clear()
