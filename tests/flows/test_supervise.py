"""Prefect never costs the work: no server, a server that goes, a command that is killed."""

import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from video_files import write_video

from rotoscope.flows.child import flows
from rotoscope.flows.plain import label as label_plainly
from rotoscope.flows.supervise import supervised
from rotoscope.pipeline.errors import UsageError

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"
SLOW = f"""
import time
from rotoscope.pipeline.registry import stage_class

class Slow(stage_class({f"{TINY}:Brightness"!r}, allow_code=True)):
    def finish(self, time_s):
        time.sleep(SECONDS)
        return super().finish(time_s)
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Arguments of a small run, started where a file named as a library lies."""
    for name in ("httpx", "uvicorn", "prefect"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').write(__name__)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    (tmp_path / "videos").mkdir()
    for number in range(3):
        path = tmp_path / "videos" / f"{number}.mp4"
        write_video(path, frames=45 + number, fps=30, size=(64, 48))
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    export = {"width": 64, "height": 48}
    Path("lamp.yaml").write_text(
        yaml.safe_dump({"name": "lamp", "stages": stages, "export": export})
    )
    yield {"out": "out", "recipe": "./lamp.yaml", "store": "store"}
    assert not Path("executed").exists()
    assert not left_behind(tmp_path)


def left_behind(folder):
    """Processes of a folder's run; not the fork server of this process, which stays.

    The Prefect server stands elsewhere, and is known by its settings.
    """
    found, home = [], f"PREFECT_HOME={folder / 'prefect'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            is_other = str(os.getpid()) not in (process.name, parent)
            stands_here = Path(os.readlink(process / "cwd")) == folder
            is_ours = stands_here or home in (process / "environ").read_bytes().split(b"\0")
            if is_other and is_ours:
                found.append((process.name, (process / "cmdline").read_text()))
        except OSError:
            continue
    return found


def wait_for(condition):
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_where_no_server_answers_the_work_is_done_and_one_sentence_said(job, monkeypatch, caplog):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    result = supervised(label_plainly, ["videos"], **job)
    assert [row.status for row in result.rows] == ["done"] * 3
    assert result.is_new
    assert [record.getMessage() for record in caplog.records] == [
        "the Prefect server at http://127.0.0.1:9/api does not answer ([Errno 111] Connection "
        "refused); the work goes on without it"
    ]


@pytest.mark.parametrize(("plain", "flow"), flows().items(), ids=lambda f: f.__name__)
def test_every_flow_takes_what_its_plain_form_takes(plain, flow):
    def taken(function):
        found = inspect.signature(function).parameters.values()
        told = {"listener", "say"}  # functions do not go from one process to another
        return {p.name: p.default or None for p in found if p.name not in told}

    assert taken(flow) == taken(plain)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_server_that_goes_in_the_middle_costs_no_row(job, monkeypatch, caplog, capfd):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "rotoscope.flows.server", str(listener.fileno())],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    server.stdin.write(b"\n")
    server.stdin.flush()
    urllib.request.urlopen(f"{url}/health", timeout=120)
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises(UsageError, match="no videos that match 'nothing'"):
        supervised(label_plainly, ["videos"], **job, only="nothing")
    _make_slow(1.5)
    ledger = Path("out.rotoscope/ledger.jsonl")

    def kill_after_the_first_row():
        wait_for(lambda: ledger.is_file() and ledger.read_text().count("\n"))
        server.kill()
        server.wait()

    killer = threading.Thread(target=kill_after_the_first_row)
    killer.start()
    result = supervised(label_plainly, ["videos"], **job)
    killer.join()
    server.stdin.close()
    assert [row.status for row in result.rows] == ["done"] * 3
    assert (Path("out") / "meta" / "info.json").is_file()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].endswith("; the work goes on without it")
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    assert len(shown.splitlines()) < 20


def _make_slow(seconds):
    Path("slow.py").write_text(SLOW.replace("SECONDS", str(seconds)))
    recipe = Path("lamp.yaml").read_text()
    Path("lamp.yaml").write_text(recipe.replace(f"{TINY}:Brightness as", "./slow.py:Slow as"))


COMMAND = """
import json, sys
from rotoscope.flows.plain import label
from rotoscope.flows.supervise import supervised
supervised(label, ["videos"], **json.loads(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", ["the server starts", "a video is labeled"])
def test_no_process_is_left_when_the_command_is_ended(job, tmp_path, signal_number, moment):
    _make_slow(30)
    command = subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND, json.dumps(job)],
        env={k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}
        | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    if moment == "the server starts":
        wait_for(lambda: any("rotoscope.flows.server" in line for _, line in left_behind(tmp_path)))
    else:
        wait_for(Path("out.rotoscope/run.json").exists)
        time.sleep(2.0)
    command.send_signal(signal_number)
    command.wait()
    # A server that was just starting sees that it is alone once it has read its own code.
    wait_for(lambda: not left_behind(tmp_path))
