"""The process that children are forked from may die at any time; only what it hit is lost."""

import errno
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from run.unruly import is_running, until

from rotoscope.pipeline.errors import WorkerCrashedError
from rotoscope.pipeline.run import fork_main
from rotoscope.pipeline.run.isolation import Limits, run_isolated

ME = __name__
GENEROUS = Limits(memory_bytes=2**31, stall_s=60, base_s=60, per_item_s=0)
TESTS = Path(__file__).resolve().parents[1]


def server_id(_, tell):
    return os.getppid()


def wait_for_file(path, tell):
    tell("waiting", 3)
    while not os.path.exists(path):
        time.sleep(0.01)
    return os.getpid()


def server():
    return run_isolated(f"{ME}:server_id", None, limits=GENEROUS).value


def test_server_that_died_between_two_videos_is_started_again():
    first = server()
    os.kill(first, signal.SIGKILL)
    second = server()
    assert second != first
    assert server() == second


def test_death_of_the_server_costs_the_videos_it_hit_and_no_more(tmp_path):
    gate, started = tmp_path / "gate", threading.Semaphore(0)

    def one(_):
        return run_isolated(
            f"{ME}:wait_for_file",
            str(gate),
            limits=GENEROUS,
            on_message=lambda *_: started.release(),
        )

    with ThreadPoolExecutor(3) as pool:
        hit = [pool.submit(one, number) for number in range(3)]
        for _ in hit:
            assert started.acquire(timeout=60)
        os.kill(server(), signal.SIGKILL)
        for video in hit:
            with pytest.raises(WorkerCrashedError, match=r"SIGKILL.*'waiting' at frame 3; run it"):
                video.result()
        gate.touch()
        assert all(one(None).error is None for _ in range(2))


def test_server_without_room_for_files_is_said_and_serves_again_when_it_has_some():
    pid = server()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(WorkerCrashedError, match=r"no child process could be started.*files"):
            server()
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert server() == pid


def test_run_without_room_for_files_is_said_and_goes_on_when_it_has_some():
    pid = server()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(WorkerCrashedError, match="no child process could be started"):
            server()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert server() == pid


def test_refused_fork_is_told_to_the_run(monkeypatch):
    def refuse():
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    run, requests = socket.socketpair()
    line, server_end = socket.socketpair()
    with run, requests, line, open(os.devnull, "wb") as said:
        fds = [os.dup(0), server_end.fileno(), said.fileno()]
        socket.send_fds(run, [b"+"], fds)
        server_end.close()
        os.close(fds[0])
        assert fork_main._Server(requests).accept()
        assert fork_main.WORD.unpack(line.recv(99)) == (fork_main.REFUSED, errno.EAGAIN)
        assert line.recv(1) == b""


DIES = "import os\nfrom pathlib import Path\nmarker = Path(__file__).with_name('{marker}')\n"
ONCE = "if not marker.exists():\n    marker.touch()\n    os.kill(os.getpid(), 9)\n"
ALWAYS = "marker.touch()\nos.kill(os.getpid(), 9)\n"
RAISES = "raise RuntimeError('no such graphics card')\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ONCE, "42"),
        (ALWAYS, "WorkerCrashedError: no child process could be started: .* died .SIGKILL"),
        (RAISES, "WorkerCrashedError: .*no such graphics card"),
        ("raise ImportError('not installed')\n", "42"),
    ],
)
def test_server_that_dies_while_it_starts(tmp_path, source, expected):
    (tmp_path / "preloaded.py").write_text(DIES.format(marker="was_here") + source)
    code = (
        "from run.test_isolation import GENEROUS, run_isolated\n"
        "from rotoscope.pipeline.errors import RotoscopeError\n"
        "try:\n"
        "    print(run_isolated('run.test_isolation:double', 21, limits=GENEROUS,"
        " preload=['preloaded']).value)\n"
        "except RotoscopeError as error:\n"
        "    print(f'{type(error).__name__}: {error}')\n"
    )
    here = [str(TESTS.parent), str(TESTS), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(here)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(expected + ".*", done.stdout.strip())


def test_fork_of_the_run_does_not_keep_the_server_alive(tmp_path):
    code = (
        "import os, time\n"
        "from run.test_fork_server import server\n"
        "print(server(), flush=True)\n"
        "if os.fork() == 0: time.sleep(5)\n"
        "else: os._exit(0)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(run.stdout.readline())
    run.wait()
    until(lambda: not is_running(pid), seconds=3)
    run.stdout.close()


def test_end_of_the_thread_that_began_to_start_the_server_costs_nothing(tmp_path):
    (tmp_path / "slow_import.py").write_text("import time\ntime.sleep(1.0)\n")
    code = (
        "import threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from rotoscope.pipeline.errors import WorkerError\n"
        "from run.test_isolation import GENEROUS, run_isolated\n"
        "def double(stop):\n"
        "    return run_isolated('run.test_isolation:double', 21, limits=GENEROUS,"
        " preload=['slow_import'], stop=stop).value\n"
        "stop = threading.Event(); stop.set()\n"
        "def give_up():\n"
        "    try: double(stop)\n"
        "    except WorkerError as error: print(error)\n"
        "first = threading.Thread(target=give_up); first.start()\n"
        "with ThreadPoolExecutor(1) as pool:\n"
        "    other = pool.submit(double, None)\n"
        "    first.join()\n"
        "    print(other.result(), double(None))\n"
    )
    here = [str(TESTS.parent), str(TESTS), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(here)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["stopped on request in stage 'start' at frame 0", "42 42"]
