"""`rotoscope serve` as a process of its own, asked as its page asks it."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import yaml
from video_files import write_video

from rotoscope.pipeline.processes import safe_python

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"
SLOW = f"""
import time
from pathlib import Path
from rotoscope.pipeline.registry import stage_class

class Slow(stage_class({f"{TINY}:Brightness"!r}, allow_code=True)):
    def finish(self, time_s):
        with open(LOG, "a") as log:
            log.write(f"begin {{time.time()}}\\n")
        time.sleep(SECONDS)
        with open(LOG, "a") as log:
            log.write(f"end {{time.time()}}\\n")
        return super().finish(time_s)
"""
FINAL = ("COMPLETED", "FAILED", "CRASHED")


def lamp_recipe(folder: Path, *, seconds: float = 0.0) -> Path:
    """A recipe without any model; its stage waits, and logs when it began and ended."""
    folder.mkdir(exist_ok=True)
    code = SLOW.replace("SECONDS", str(seconds)).replace("LOG", repr(str(folder / "log")))
    (folder / "slow.py").write_text(code)
    path = folder / "lamp.yaml"
    stages = ["./slow.py:Slow as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    facts = {"name": "lamp", "stages": stages, "export": {"width": 64, "height": 48}}
    path.write_text(yaml.safe_dump(facts))
    return path


def most_at_once(folder: Path) -> int:
    """How many videos of `lamp_recipe` were worked on at the same time, at most."""
    moments = [line.split() for line in (folder / "log").read_text().splitlines()]
    count = most = 0
    for _, step in sorted((float(when), 1 if what == "begin" else -1) for what, when in moments):
        count += step
        most = max(most, count)
    return most


def write_videos(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        write_video(folder / f"{number}.mp4", frames=45 + number, fps=30, size=(64, 48))
    return folder


def wait_for(condition, seconds=500.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.5)
    return found


class Serving:
    """A `rotoscope serve` below a folder, with all of Prefect's files there, too."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder, self.root = folder, folder / "datasets"
        self.root.mkdir(exist_ok=True)
        self.log = folder / "serve.log"
        self.auth = environment.get("PREFECT_SERVER_API_AUTH_STRING", "")
        command = [*safe_python(), "-m", "rotoscope.cli.main", "serve", "--root", str(self.root)]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--port", "0", "--reports-port", "0", *options],
                env=clean
                | {"PYTHONPATH": f"{ROOT}", "PREFECT_HOME": str(folder / "prefect")}
                | {"ROTOSCOPE_STORE": str(folder / "store")}
                | environment,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(lambda: "reports:" in self.said() or self.process.poll() is not None)
            assert self.process.poll() is None, self.said()
            self.page, self.reports = re.findall(r"(?:page|reports): (\S+)", self.said())
            wait_for(self.is_ready)
        except BaseException:
            self.end()
            raise

    def said(self) -> str:
        return self.log.read_text()

    def is_ready(self) -> bool:
        return self.said().count("ready:") > 0

    def ask(self, path: str, facts: dict | None = None):
        auth = tuple(self.auth.split(":")) if self.auth else None
        method = "GET" if facts is None else "POST"
        url = f"{self.page}/api/{path}"
        for _ in range(10):
            answer = httpx.request(method, url, json=facts, auth=auth, timeout=60)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)  # its database was locked; Prefect's own clients ask again, too
        return answer.json()

    def start(self, form: str, **fields) -> str:
        found = self.ask(f"deployments/name/{form}/{form}")
        state = {"type": "SCHEDULED"}
        asked = {"parameters": fields, "state": state}
        made = self.ask(f"deployments/{found['id']}/create_flow_run", asked)
        assert "id" in made, made
        return made["id"]

    def state(self, run: str):
        """`(name, type, message)` of a run's state; the type is empty while nobody answers."""
        try:
            found = self.ask(f"flow_runs/{run}")
        except httpx.TransportError:
            return "", "", ""
        return found["state_name"], found["state_type"], found["state"]["message"]

    def finish(self, run: str):
        wait_for(lambda: self.state(run)[1] in FINAL)
        return self.state(run)

    def logs(self, run: str) -> list[str]:
        where = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return [line["message"] for line in self.ask("logs/filter", where)]

    def artifacts(self, run: str) -> dict[str, dict]:
        where = {"artifacts": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return {a["key"]: a for a in self.ask("artifacts/filter", where) if a["key"]}

    def processes(self, module: str) -> list[int]:
        """Processes of this `serve` that run a module."""
        home = f"PREFECT_HOME={self.folder / 'prefect'}".encode()
        return [p for p, line, env in _processes() if module in line and home in env]

    def end(self, signal_number: int = signal.SIGTERM) -> None:
        self.process.send_signal(signal_number)
        self.process.wait(timeout=60)


def _processes():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text().replace("\0", " ")
            yield int(process.name), line, (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
