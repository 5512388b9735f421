"""The main job, a folder of videos to a dataset, goes without the packages of other jobs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lamp_runs import write_clip, write_recipe

ELSEWHERE = ("transformers", "smplx", "decord", "open3d")
"""Dependencies that only some encoders, body models, backends and rendered people need."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def watched(tmp_path):
    """Environment in which these packages leave a mark where anything imports them."""
    folder = tmp_path / "watched"
    for name in ELSEWHERE:
        (folder / name).mkdir(parents=True)
        mark = f"open({str(tmp_path / name)!r}, 'w').close(); raise ImportError('imported')"
        (folder / name / "__init__.py").write_text(mark)
    paths = (folder, ROOT, ROOT / "tests")
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def run(code: str, environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def marks(folder: Path) -> list[str]:
    return [name for name in ELSEWHERE if (folder / name).exists()]


def test_marks_are_left_by_what_is_imported(tmp_path, watched):
    code = "try:\n    import decord\nexcept ImportError:\n    pass"
    run(code, watched)
    assert marks(tmp_path) == ["decord"]


def test_stages_of_the_main_recipe_import_no_package_of_other_jobs(tmp_path, watched):
    code = (
        "from rotoscope.pipeline.recipe import load_recipe\n"
        "from rotoscope.models.perception.mediapipe_import import import_mediapipe\n"
        "stages = [entry.build() for entry in load_recipe('hand-gripper').stages]\n"
        "assert len(stages) > 5\n"
        "import_mediapipe()\n"
    )
    run(code, watched)
    assert marks(tmp_path) == []


def test_labeling_and_publishing_import_no_package_of_other_jobs(tmp_path, watched):
    write_clip(tmp_path / "videos" / "a.mp4")
    code = (
        "import sys, lamp_runs\n"
        "from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        "    result = lamp_runs.run_lamp(Path(sys.argv[1]))\n"
        "    assert lamp_runs.statuses(result) == {'a.mp4': 'done'}, result\n"
    )
    write_recipe(tmp_path / "lamp.yaml")
    run(code, watched, str(tmp_path))
    assert marks(tmp_path) == []
