"""`rotoscope progress` as a user types it, and what other commands make of its columns."""

import os
import subprocess
import sys
from pathlib import Path

import carried_datasets
import carried_paths
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rotoscope(tmp_path):
    episodes = [
        carried_paths.carried(60),
        carried_datasets.stopped(),
        carried_paths.carried(40, seed=1),
    ]
    carried_datasets.publish(tmp_path / "data", episodes)

    def rotoscope(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "rotoscope.cli.main", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    return rotoscope


def test_command_says_what_is_done_and_others_read_it(rotoscope, tmp_path):
    call = ("progress", "data", "--demo", "0", "--out", "out", "--chunk", "5")
    done = rotoscope(*call, "--method", "orca", "--method", "dtw", "--see", "observation.state")
    assert done.returncode == 0, done.stderr
    assert "episode 1: not done: stops at 0." in done.stdout
    assert "2 of 3 episodes are done, as data#0 shows" in done.stdout
    assert "for a chunk of 5 rows: " in done.stdout
    assert "--sample_weighting.type=rabc --policy.chunk_size=5" in done.stdout
    assert done.stdout.endswith("dataset: out\n")
    kept = rotoscope("filter", "out", "--where", "progress>=0.85", "--dry-run", "--out", "kept")
    assert "2 of 3 episodes are kept: [0, 2]" in kept.stdout
    assert rotoscope("report", "out", "--html", "page.html").returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count("progress along the demonstration") >= 3
    assert "reward by orca" in page
    assert "reward by dtw" in page


def test_wrong_use_says_what_would_be_right(rotoscope):
    wrong = rotoscope("progress", "data", "--demo", "7", "--out", "out")
    assert wrong.returncode == 2
    assert "has no episode 7; it has 3" in wrong.stderr
    unknown = rotoscope("progress", "data", "--demo", "0", "--out", "out", "--method", "best")
    assert unknown.returncode == 2
    assert "unknown method 'best'; valid ones are" in unknown.stderr
