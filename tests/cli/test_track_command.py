"""`rotoscope track` as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import disc_dataset
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rotoscope(tmp_path):
    disc_dataset.write_discs(tmp_path / "data")
    disc_dataset.write_recipe(tmp_path / "disc.yaml")

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


def test_command_says_what_is_known_and_ends_with_where_to_look(rotoscope, tmp_path):
    call = ("track", "data", "--recipe", "disc.yaml", "--out", "out", "--store", "store")
    done = rotoscope(*call)
    assert done.returncode == 0, done.stderr
    assert "[4/4] done episode 3 (26 frames" in done.stdout
    assert "track.colour.disc: 6 numbers, known in 100.0% of rows" in done.stdout
    assert done.stdout.endswith("dataset: out\n")
    assert (tmp_path / "out" / "meta" / "rotoscope" / "features.json").is_file()
    wrong = rotoscope(*call, "--camera", "observation.images.wrist")
    assert wrong.returncode == 2
    assert "it has 'observation.images.front'" in wrong.stderr
