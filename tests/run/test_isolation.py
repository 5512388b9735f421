import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from rotoscope.pipeline.errors import (
    MemoryLimitError,
    TimeLimitError,
    WorkerCrashedError,
    WorkerError,
)
from rotoscope.pipeline.run.isolation import Limits, run_isolated

ME = __name__
GENEROUS = Limits(memory_bytes=2**31, stall_s=60, base_s=60, per_item_s=0)


def double(value, tell):
    tell("doubling", 1, 2)
    return 2 * value


def die(code, tell):
    tell("dying", 7)
    os.kill(os.getpid(), code)


def sleep_silently(seconds, tell):
    tell("sleeping", 5)
    time.sleep(seconds)


def chatter(seconds, tell):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tell("talking", 0)
        time.sleep(0.05)


def hoard(step_bytes, tell):
    kept = []
    while True:
        kept.append(b"x" * step_bytes)
        time.sleep(0.01)


def divide(value, tell):
    return 1 / value


def give_lock(_, tell):
    return threading.Lock()


def process_id(_, tell):
    return os.getpid()


def blas_threads(_, tell):
    import scipy.linalg  # noqa: F401 - brings a BLAS beside NumPy's
    from threadpoolctl import threadpool_info

    return [library["num_threads"] for library in threadpool_info()]


def test_result_and_messages_come_back():
    heard = []
    answer = run_isolated(
        f"{ME}:double", 21, limits=GENEROUS, on_message=lambda *message: heard.append(message)
    )
    assert answer.value == 42
    assert answer.error is None
    assert heard == [("doubling", 1, 2)]


def test_every_call_gets_a_fresh_process():
    ids = {run_isolated(f"{ME}:process_id", None, limits=GENEROUS).value for _ in range(3)}
    assert len(ids) == 3
    assert os.getpid() not in ids


def test_children_share_the_machine_with_one_blas_thread_each():
    code = (
        "from rotoscope.pipeline.run.isolation import run_isolated\n"
        "from run.test_isolation import GENEROUS, ME\n"
        "print(run_isolated('run.test_isolation:blas_threads', None, limits=GENEROUS).value)"
    )
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=free | {"PYTHONPATH": os.pathsep.join([".", "tests"])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(said.stdout) == [1, 1]


def test_native_crash_names_signal_stage_and_frame():
    with pytest.raises(WorkerCrashedError, match=r"SIGABRT.*'dying' at frame 7"):
        run_isolated(f"{ME}:die", 6, limits=GENEROUS)


def test_kill_from_outside_points_to_memory():
    with pytest.raises(WorkerCrashedError, match=r"SIGKILL.*for want of memory"):
        run_isolated(f"{ME}:die", 9, limits=GENEROUS)


def test_call_that_does_not_pickle_starts_nothing():
    with pytest.raises(TypeError, match="pickle"):
        run_isolated(f"{ME}:double", threading.Lock(), limits=GENEROUS)


def test_answer_that_does_not_pickle_is_a_crash_that_says_so():
    with pytest.raises(
        WorkerCrashedError, match=r"exit code 1.*without an answer.*TypeError: .*pickle"
    ):
        run_isolated(f"{ME}:give_lock", None, limits=GENEROUS)


def test_large_arguments_and_answers_come_through():
    data = os.urandom(5_000_000)
    assert run_isolated(f"{ME}:double", data, limits=GENEROUS).value == data + data


def test_missing_folder_for_temporary_files_is_said(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(WorkerCrashedError, match=r"its output needs a file in /nowhere"):
        run_isolated(f"{ME}:double", 1, limits=GENEROUS)


def test_nothing_is_put_into_the_folder_for_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    run_isolated(
        f"{ME}:double", 1, limits=GENEROUS, on_message=lambda *_: seen.extend(tmp_path.iterdir())
    )
    assert seen == []


def test_silence_is_killed_after_the_stall_limit():
    limits = Limits(memory_bytes=2**31, stall_s=0.5, base_s=60, per_item_s=0)
    with pytest.raises(TimeLimitError, match=r"no progress for 0.5 s in stage 'sleeping'"):
        run_isolated(f"{ME}:sleep_silently", 600, limits=limits)


def test_progress_does_not_extend_the_total_limit():
    limits = Limits(memory_bytes=2**31, stall_s=60, base_s=0.6, per_item_s=0)
    with pytest.raises(TimeLimitError, match="longer than its limit"):
        run_isolated(f"{ME}:chatter", 600, limits=limits)


def test_memory_limit_kills_before_the_machine_suffers():
    limits = Limits(memory_bytes=400 * 2**20, stall_s=60, base_s=60, per_item_s=0)
    with pytest.raises(MemoryLimitError, match=r"limit of 0.39 GiB.*limits.memory_gib"):
        run_isolated(f"{ME}:hoard", 8 * 2**20, limits=limits)


def test_defect_in_the_child_comes_back_as_text():
    answer = run_isolated(f"{ME}:divide", 0, limits=GENEROUS)
    assert answer.error is not None
    assert answer.error.kind == "ZeroDivisionError"
    assert not answer.error.is_expected
    assert "in divide" in answer.error.traceback


def test_stop_before_the_start_is_heeded_and_the_next_call_works():
    stop = threading.Event()
    stop.set()
    with pytest.raises(WorkerError, match="stopped on request"):
        run_isolated(f"{ME}:sleep_silently", 600, limits=GENEROUS, stop=stop)
    assert run_isolated(f"{ME}:double", 1, limits=GENEROUS).value == 2


def test_stop_event_kills_the_child():
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    with pytest.raises(WorkerError, match="stopped on request"):
        run_isolated(f"{ME}:sleep_silently", 600, limits=GENEROUS, stop=stop)
