from pathlib import Path

import pytest
from typer.testing import CliRunner

from rotoscope import pipeline
from rotoscope.cli import bench
from rotoscope.pipeline.errors import UsageError

RUNNER = CliRunner()


def test_cells_are_named_with_whether_they_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTOSCOPE_BENCH", str(tmp_path))
    asked = ["labelers", "--list", "--task", "cartpole", "--labeler", "bco"]
    lines = RUNNER.invoke(bench.app, asked, catch_exceptions=False).stdout.splitlines()
    assert lines == [f"classic cartpole bco seed {seed}: not measured" for seed in range(3)]


def test_an_unknown_task_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"unknown task 'juggle'; there are .*push-v3"):
        RUNNER.invoke(bench.app, ["labelers", "--task", "juggle"], catch_exceptions=False)


def test_without_a_checkout_it_says_where_the_bench_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "__file__", str(tmp_path / "pipeline" / "__init__.py"))
    with pytest.raises(UsageError, match="clone the repository"):
        RUNNER.invoke(bench.app, ["labelers", "--list"], catch_exceptions=False)
