"""Processes that train together give what one gives; one of them writes, speaks and fails."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import shared_training
from shared_training import CONFIG, STOPS_AT, problem, weights_of

from rotoscope.models.training.loop import train
from rotoscope.models.training.processes import num_processes, refuse_several
from rotoscope.pipeline.errors import AnotherProcessError, UsageError

ROUNDING = 1e-5
"""Sums of 8 and 7 rows against one of 15, over 30 steps of float32; a share that counts as half of
the batch instead of 7 or 8 of 15 is off by 1e-3."""


def run_two(script, *given, timeout_s=200):
    """Two processes of a script, as a launcher starts them; waits for both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = os.environ | {
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, script, *given],
            env=shared | {"RANK": str(k), "LOCAL_RANK": str(k)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for k in range(2)
    ]
    try:
        return [process.communicate(timeout=timeout_s)[1] for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    with pytest.raises(KeyboardInterrupt):
        train(problem(fails_at=STOPS_AT), CONFIG, checkpoint=folder / "one.pt")
    said = run_two(shared_training.__file__, str(folder))
    paths = [folder / f"told-{k}.json" for k in range(2)]
    assert all(path.is_file() for path in paths), "\n".join(said)
    return folder, [json.loads(path.read_text()) for path in paths]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return train(problem(), CONFIG, checkpoint=tmp_path_factory.mktemp("one") / "one.pt")


@pytest.mark.parametrize("how", ["weights", "gone_on"])
def test_two_processes_give_the_weights_of_one(one, two, how):
    for told in two[1]:
        for name, values in weights_of(one).items():
            np.testing.assert_allclose(told[how][name], values, atol=ROUNDING)
    assert two[1][0]["weights"] == two[1][1]["weights"]
    assert two[1][0]["validation"] == pytest.approx(one.validation, abs=ROUNDING)


def test_progress_is_told_by_the_first_alone(two):
    steps = [[event["step"] for event in told["events"]] for told in two[1]]
    assert steps == [[10, 20, 30], []]


def test_each_process_draws_for_its_own_rows_and_draws_the_same_again(two):
    first, second = (told["drawn"] for told in two[1])
    assert len(first) == STOPS_AT - 1
    assert set(first).isdisjoint(second)
    for told in two[1]:
        # From the last checkpoint on, at step 14.
        assert told["drawn_again"][:3] == told["drawn"][14:]


def test_what_is_kept_on_disk_is_made_by_the_first_before_the_others(two):
    assert (two[0] / "made.txt").read_text().split() == ["0", "1"]


def test_fewer_rows_than_processes_are_refused(two):
    for told in two[1]:
        assert "batches have 1 rows (batch_size=1), less than one for each of 2" in told["refused"]


def test_the_process_that_failed_first_says_why(two):
    assert [told["failed"] for told in two[1]] == ["AnotherProcessError", "DatasetError"]


def test_one_process_is_alone_without_a_launcher(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert num_processes() == 1
    refuse_several("labeling")


@pytest.mark.parametrize(("rank", "error"), [("0", UsageError), ("1", AnotherProcessError)])
def test_what_is_done_once_is_refused_in_several(monkeypatch, rank, error):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": rank, "RANK": rank}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match="labeling runs in one process"):
        refuse_several("labeling")
