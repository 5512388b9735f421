"""Full disks, jumping clocks, growing files, racing runs: the same bytes in the end, or a row."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from lamp_runs import digest, run_lamp, write_clip, write_recipe

from rotoscope.pipeline.run.ledger import Ledger

ROOT = Path(__file__).parents[2]
NUM_VIDEOS = 4
JUMPS = """
import random, time
chance = random.Random(1)
for name, day in (("time", 86400.0), ("time_ns", 86400 * 10**9)):
    def jump(clock=getattr(time, name), day=day):
        return clock() + day * chance.choice((-1, 0, 0, 1))
    setattr(time, name, jump)
"""


@pytest.fixture
def folder(tmp_path):
    for number in range(NUM_VIDEOS):
        write_clip(tmp_path / "videos" / f"{number}.mp4", frames=45 + number, seed=number)
    write_recipe(tmp_path / "lamp.yaml")
    return tmp_path


def calm(folder):
    run_lamp(folder, out=folder / "calm", store=folder / "store-calm")
    return digest(folder / "calm")


def start(folder, out="out", before=(), **env):
    return subprocess.Popen(
        [*before, sys.executable, "-P", "-m", "rotoscope.cli.main", "label", "videos",
         "--out", out, "--recipe", "./lamp.yaml", "--store", "store", "--workers", "2"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def ended(run):
    """Exit code and what was said, which is never a traceback."""
    said, _ = run.communicate(timeout=200)
    assert "Traceback" not in said
    return run.returncode, said


def rows_of(folder):
    return Ledger(folder / "out.rotoscope" / "ledger.jsonl").rows()


@pytest.mark.timeout(200)
def test_two_runs_that_race_on_one_store_write_the_same_bytes(folder):
    wanted = calm(folder)
    both = [start(folder, out=name) for name in ("one", "other")]
    assert [ended(run)[0] for run in both] == [0, 0]
    assert digest(folder / "one") == digest(folder / "other") == wanted
    assert not [path for path in folder.rglob("*") if ".tmp-" in path.name]


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_clock_that_jumps_by_days_changes_no_byte(folder):
    wanted = calm(folder)
    (folder / "clock").mkdir()
    (folder / "clock" / "sitecustomize.py").write_text(JUMPS)
    path = f"{folder / 'clock'}{os.pathsep}{ROOT}"
    for _ in range(2):
        assert ended(start(folder, PYTHONPATH=path))[0] == 0
        assert digest(folder / "out") == wanted


@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.parametrize("size_kib", [16, 60])
def test_full_disk_gives_rows_and_the_next_run_the_rest(folder, size_kib):
    wanted = calm(folder)
    (folder / "store").mkdir()
    mount = f"mount -t tmpfs -o size={size_kib}k none store"
    small = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*small, mount], cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("the system lets nobody mount a small file system of their own")
    code, said = ended(start(folder, before=[*small, f'{mount} && exec "$@"', "sh"]))
    assert code == 1, said
    failed = [row for row in rows_of(folder) if row.status == "failed"]
    assert failed
    assert all("space" in row.message for row in failed), failed
    assert len(rows_of(folder)) == NUM_VIDEOS
    assert not (folder / "out").exists() or "failed" not in said
    assert ended(start(folder))[0] == 0
    assert digest(folder / "out") == wanted


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_video_that_is_still_copied_is_labeled_whole_or_not_at_all(folder):
    wanted = calm(folder)
    whole = (folder / "videos" / "0.mp4").read_bytes()
    target = folder / "videos" / "0.mp4"
    target.write_bytes(whole[: len(whole) // 3])

    def copy():
        with target.open("ab") as file:
            for at in range(len(whole) // 3, len(whole), 64):
                file.write(whole[at : at + 64])
                file.flush()
                time.sleep(0.05)

    copying = threading.Thread(target=copy)
    copying.start()
    code, _ = ended(start(folder))
    (row,) = (row for row in rows_of(folder) if row.name == "0.mp4")
    assert (code, row.status) in ((0, "done"), (1, "failed"))
    copying.join()
    shutil.copystat(folder / "videos" / "1.mp4", target)
    assert ended(start(folder))[0] == 0
    assert digest(folder / "out") == wanted
