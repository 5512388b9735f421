"""Nothing that a child started is left, however the child or the run ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from run.unruly import is_running, until

from rotoscope.pipeline.errors import (
    MemoryLimitError,
    TimeLimitError,
    WorkerCrashedError,
    WorkerError,
)
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.isolation import Limits, run_isolated

WORK = "run.unruly"
GENEROUS = Limits(memory_bytes=2**31, stall_s=60, base_s=60, per_item_s=0)
WAYS = ("child", "program", "session", "fork", "daemon")
TESTS = Path(__file__).resolve().parents[1]


def started(folder):
    until(lambda: all((folder / way).exists() for way in WAYS))
    return {way: int((folder / way).read_text()) for way in WAYS}


def left(folder):
    return {way for way, pid in started(folder).items() if is_running(pid)}


def test_what_a_child_started_ends_with_it(tmp_path):
    answer = run_isolated(f"{WORK}:start_and_end", str(tmp_path), limits=GENEROUS)
    assert answer.value == started(tmp_path)["child"]
    assert left(tmp_path) == set()


def test_what_a_crashed_child_started_ends(tmp_path):
    with pytest.raises(WorkerCrashedError, match="SIGSEGV"):
        run_isolated(f"{WORK}:start_and_crash", str(tmp_path), limits=GENEROUS)
    assert left(tmp_path) == set()


def test_a_time_limit_ends_the_whole_tree(tmp_path):
    limits = Limits(memory_bytes=2**31, stall_s=0.5, base_s=60, per_item_s=0)
    with pytest.raises(TimeLimitError, match="no progress"):
        run_isolated(f"{WORK}:start_and_wait", str(tmp_path), limits=limits)
    assert left(tmp_path) == set()


def test_a_stop_ends_the_whole_tree(tmp_path):
    stop = threading.Event()
    with pytest.raises(WorkerError, match="stopped on request"):
        run_isolated(
            f"{WORK}:start_and_wait",
            str(tmp_path),
            limits=GENEROUS,
            stop=stop,
            on_message=lambda *_: stop.set(),
        )
    assert left(tmp_path) == set()


def test_a_memory_limit_counts_what_the_child_started():
    limits = Limits(memory_bytes=500 * 2**20, stall_s=60, base_s=60, per_item_s=0)
    with pytest.raises(MemoryLimitError, match=r"limit of 0.49 GiB"):
        run_isolated(f"{WORK}:hoard_in_a_process", 8 * 2**20, limits=limits)


def test_pages_that_forks_share_count_once():
    limits = Limits(memory_bytes=700 * 2**20, stall_s=60, base_s=60, per_item_s=0)
    answer = run_isolated(f"{WORK}:hold_shared_pages", 400 * 2**20, limits=limits)
    assert answer.value is True
    assert 400 * 2**20 < answer.peak_memory_bytes < 700 * 2**20


@pytest.mark.parametrize(
    ("work", "end"),
    [
        *(("start_and_wait", s) for s in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")),
        *(("hold_the_interpreter", s) for s in ("SIGKILL", "SIGINT")),
    ],
)
def test_a_run_that_is_ended_leaves_no_process(tmp_path, work, end):
    run = start_run(work, tmp_path)
    pids = started(tmp_path).values()
    server = next(iter(process_tree.children(run.pid)))
    run.send_signal(signal.Signals[end])
    run.wait(10)
    until(lambda: not any(is_running(pid) for pid in [*pids, server]), seconds=5)


def test_a_child_that_loses_its_run_and_its_server_at_once_ends(tmp_path):
    run = start_run("hold_the_interpreter", tmp_path)
    child = started(tmp_path)["child"]
    (server,) = process_tree.children(run.pid)
    os.kill(server, signal.SIGKILL)
    run.kill()
    run.wait(10)
    until(lambda: not is_running(child), seconds=5)
    for way in WAYS:  # nobody is left who could end these
        process_tree.kill(int((tmp_path / way).read_text()))


def test_a_run_killed_while_the_server_starts_leaves_no_process(tmp_path):
    (tmp_path / "slow_import.py").write_text(
        "import os, pathlib, time\n"
        "pathlib.Path(__file__).with_name('server').write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    run = start_run("start_and_end", tmp_path, preload=["slow_import"], path=[str(tmp_path)])
    until(lambda: (tmp_path / "server").exists() and (tmp_path / "server").read_text())
    server = int((tmp_path / "server").read_text())
    assert is_running(server)
    run.kill()
    run.wait(10)
    until(lambda: not is_running(server), seconds=5)


def start_run(work, folder, preload=(), path=()):
    code = (
        # Whoever starts the tests with nohup has it ignored, and what they start inherits that.
        "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "from rotoscope.pipeline.run.isolation import run_isolated\n"
        "from run.test_process_ends import GENEROUS\n"
        f"run_isolated('{WORK}:{work}', {str(folder)!r}, limits=GENEROUS, preload={preload!r})"
    )
    here = [str(TESTS.parent), str(TESTS), *path]
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(here)},
        stderr=subprocess.DEVNULL,
    )
