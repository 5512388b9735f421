"""Something of a real run on Ray, Dask or Prefect is killed: the same bytes, and nobody is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lamp_runs import STAGES, TINY, digest, run_lamp, write_clip, write_recipe

from rotoscope.pipeline.run.ledger import Ledger

ROOT = Path(__file__).parents[2]
NUM_VIDEOS = 8
SLOW = f"""
import time
from rotoscope.pipeline.registry import stage_class

class Slow(stage_class({f"{TINY}:Brightness"!r}, allow_code=True)):
    def finish(self, time_s):
        time.sleep(1.5)
        return super().finish(time_s)
"""


class Command:
    """`rotoscope label` in a folder of its own."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.runs = folder, []
        home = {"HOME": str(folder / "home"), "PREFECT_HOME": str(folder / "prefect")}
        self.env = {"PYTHONPATH": str(ROOT)} | home
        self.mark = f"PREFECT_HOME={folder / 'prefect'}".encode()
        for number in range(NUM_VIDEOS):
            write_clip(folder / "videos" / f"{number}.mp4", frames=45 + number, seed=number)
        (folder / "slow.py").write_text(SLOW)
        write_recipe(folder / "lamp.yaml", [f"{folder}/slow.py:Slow as bright", *STAGES[1:]])
        monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def start(self, *options, out="out", **env):
        run = subprocess.Popen(
            [sys.executable, "-P", "-m", "rotoscope.cli.main", "label", "videos", "--out", out,
             "--recipe", "./lamp.yaml", "--store", f"store-{out}", "--workers", "2", *options],
            cwd=self.folder,
            env=os.environ | self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        self.runs.append(run)
        return run

    def processes(self):
        """Process ids of all that the command started and that kept its environment."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes()
            except OSError:
                continue
        return found

    def find(self, victim):
        """A process of that part of the run; `worker` is a stranger who has a fork server."""
        processes = self.processes()
        for pid, line in processes.items():
            if victim == "worker" and b"rotoscope.pipeline.run.fork_main" in line:
                status = Path(f"/proc/{pid}/stat").read_text()
                parent = int(status.rpartition(")")[2].split()[1])
                # The command and its flow may have one, too.
                if b"rotoscope." not in processes.get(parent, b"rotoscope."):
                    return parent
            elif victim != "worker" and victim.encode() in line:
                return pid
        return None

    def wait_for_a_row(self, run):
        work = self.folder / "out.rotoscope"
        wait_for(
            lambda: (
                run.poll() is not None or any(path.stat().st_size for path in work.rglob("*.jsonl"))
            )
        )
        assert run.poll() is None, run.communicate()[0]


def wait_for(condition, seconds=500.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def command(tmp_path, monkeypatch):
    made = Command(tmp_path, monkeypatch)
    (tmp_path / "home").mkdir()
    yield made
    for run in made.runs:
        run.kill()  # where the test failed; what it had started goes with it
        run.wait()
    wait_for(lambda: not made.processes(), 30.0)
    assert not [path for path in (tmp_path / "home").iterdir() if path.name != ".config"]


def calm(command):
    """What an undisturbed run without Prefect writes."""
    run_lamp(command.folder, out=command.folder / "calm", store=command.folder / "store-calm")
    return digest(command.folder / "calm")


def ended(run, seconds=500.0):
    said, _ = run.communicate(timeout=seconds)
    assert run.returncode == 0, said
    return said


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("engine", "victim", "said"),
    [
        ("ray", "", ""),
        ("ray", "worker", ""),
        ("ray", "raylet/raylet", "the flow is started again"),
        ("dask", "", ""),
        ("dask", "worker", ""),
        ("ray", "rotoscope.flows.server", "the flow is started again"),
    ],
)
def test_killed_part_costs_no_byte(command, engine, victim, said):
    wanted = calm(command)
    run = command.start("--engine", engine)
    if victim:
        command.wait_for_a_row(run)
        os.kill(wait_for(lambda: command.find(victim)), signal.SIGKILL)
    output = ended(run)
    assert digest(command.folder / "out") == wanted
    assert said in output
    assert "Traceback" not in output
    rows = Ledger(command.folder / "out.rotoscope" / "ledger.jsonl").rows()
    assert {row.status for row in rows} == {"done"}
    assert all(row.cpu_s > 0 and row.peak_memory_gib > 0 for row in rows)
    assert not (command.folder / "out.rotoscope" / "rows").exists()


CLUSTERS = {
    "dask": """
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1",
                           dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    input()
""",
    "ray": """
import ray
found = ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80_000_000,
                 _temp_dir="/tmp/ray-of-a-test", logging_level="ERROR")
print(found.address_info["address"], flush=True)
input()
""",
}
"""Programs that start a cluster, say its address and end it with their input."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", CLUSTERS)
def test_cluster_that_runs_already_is_used_and_left_alone(command, engine):
    wanted = calm(command)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64, "RAY_USAGE_STATS_ENABLED": "0"}
    program = command.folder / "cluster.py"
    program.write_text(CLUSTERS[engine])
    with subprocess.Popen(
        [sys.executable, program],
        cwd="/",
        env=os.environ | command.env | token,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as cluster:
        address = cluster.stdout.readline().strip()
        ended(command.start("--engine", engine, "--address", address, **token))
        assert cluster.poll() is None
        cluster.stdin.close()
    assert digest(command.folder / "out") == wanted
