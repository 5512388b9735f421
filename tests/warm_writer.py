"""Datasets written by copies of one process that has imported LeRobot's writer already.

A user's run starts a process for its dataset, which imports for a second and a half what writes
for a tenth of one. Hundreds of tests write one. What the copies run is that process's own `_main`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict

from rotoscope.pipeline.export import light_lerobot, publish
from rotoscope.pipeline.export.publish import PublishJob
from rotoscope.pipeline.processes import python_module

fresh_run = publish._run
"""Starts a process of its own for each dataset."""
_MAX_REQUEST = 1 << 20


class WarmWriter:
    """The process that is copied; started when the first dataset is written."""

    def __init__(self) -> None:
        self.control: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, job: PublishJob, *, light: bool) -> tuple[int, str, str]:
        """As `publish._run`."""
        if not light:
            return fresh_run(job, light=light)
        (in_r, in_w), (out_r, out_w), (code_r, code_w) = (os.pipe() for _ in range(3))
        with (
            open(in_w, "wb") as stdin,
            open(out_r) as stdout,
            open(code_r) as code,
            tempfile.TemporaryFile("w+", errors="replace") as complaints,
        ):
            try:
                fds = [in_r, out_w, complaints.fileno(), code_w]
                socket.send_fds(self._started(), [_surroundings()], fds)
            finally:
                for fd in (in_r, out_w, code_w):
                    os.close(fd)
            with contextlib.suppress(BrokenPipeError):
                stdin.write(json.dumps(asdict(job)).encode() + b"\n")
                stdin.flush()
            answer = stdout.read()
            ended = int(code.read())
            complaints.seek(0)
            return ended, answer, complaints.read()

    def _started(self) -> socket.socket:
        if self.control is None:
            self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.process = subprocess.Popen(
                    python_module(__name__, str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    env=os.environ | {"HF_HUB_OFFLINE": "1"},
                    stdin=subprocess.DEVNULL,
                )
        return self.control

    def close(self) -> None:
        """Ends it."""
        if self.control is not None and self.process is not None:
            self.control.close()
            self.process.wait()


def _surroundings() -> bytes:
    """What a process that is started has of the one that starts it."""
    mask = os.umask(0)
    os.umask(mask)
    env = dict(os.environ) | {"HF_HUB_OFFLINE": "1"}
    return json.dumps({"folder": os.getcwd(), "mask": mask, "env": env}).encode()


def _serve(control: socket.socket) -> None:
    writer = light_lerobot.import_light_writer()
    light_lerobot.import_light_writer = lambda: writer
    while True:
        request, fds, _, _ = socket.recv_fds(control, _MAX_REQUEST, 4)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _write(json.loads(request), fds)
        _, status = os.waitpid(pid, 0)
        os.write(fds[-1], str(os.waitstatus_to_exitcode(status)).encode())
        for fd in fds:
            os.close(fd)


def _write(told: dict, fds: list[int]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        for number, fd in enumerate(fds[:3]):
            os.dup2(fd, number)
        for fd in fds:
            os.close(fd)
        os.chdir(told["folder"])
        os.umask(told["mask"])
        os.environ.clear()
        os.environ.update(told["env"])
        code = publish._main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        _serve(ours)
