"""Work for children that does what it should not: starts processes, detaches them, holds on."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def start_and_wait(folder, tell):
    """Starts a process in each of the ways there are, notes their numbers, and works on."""
    start_all(folder)
    tell("waiting", 1)
    time.sleep(600)


def start_and_end(folder, tell):
    start_all(folder)
    return os.getpid()


def start_and_crash(folder, tell):
    start_all(folder)
    os.kill(os.getpid(), signal.SIGSEGV)


def hold_the_interpreter(folder, tell):
    """A native call that never gives the lock back, so that no thread of Python's runs."""
    note(folder, "child", os.getpid())
    start_all(folder)
    tell("holding", 1)
    ctypes.PyDLL(None).sleep(600)


def hoard_in_a_process(step_bytes, tell):
    tell("hoarding", 1)
    code = f"kept = []\nwhile True: kept.append(b'x' * {step_bytes}); import time; time.sleep(.01)"
    subprocess.run([sys.executable, "-c", code], check=False)


def hold_shared_pages(size_bytes, tell):
    """Twice the memory if pages that forks share counted for each."""
    kept = b"x" * size_bytes
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    tell("sharing", len(kept) and 1)
    time.sleep(1.0)
    return True


def start_all(folder):
    note(folder, "child", os.getpid())
    note(folder, "program", subprocess.Popen(["sleep", "600"]).pid)
    note(folder, "session", subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
    fork = os.fork()
    if fork == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    note(folder, "fork", fork)
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            note(folder, "daemon", os.getpid())
            time.sleep(600)
        os._exit(0)
    os.waitpid(middle, 0)
    until(lambda: (Path(folder) / "daemon").exists())


def note(folder, name, pid):
    path = Path(folder) / name
    path.with_suffix(".new").write_text(str(pid))
    path.with_suffix(".new").rename(path)


def until(holds, seconds=30.0):
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def is_running(pid):
    """Whether a process is there; one that has ended and was not waited for is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
