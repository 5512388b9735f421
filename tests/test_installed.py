"""A wheel, installed where no checkout is, runs whole."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from test_public_names import write_recipe
from video_files import write_video

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = (
    *("rotoscope", "pipeline", "models", "retarget", "flows", "configs"),
    *("pyproject.toml", "setup.py", "README.md", "LICENSE"),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The `bin` folder of an environment that has the wheel, and finds its dependencies here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    options = ["--no-deps", "--no-index"]
    # A checkout on the path would count as the installed package.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    build = [*pip, "wheel", *options, "--no-build-isolation", "-w", folder, source]
    subprocess.run(build, env=env, check=True)
    shutil.rmtree(source)
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("rotoscope-*.whl")
    subprocess.run([*pip, "--python", python, "install", *options, wheel], env=env, check=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder / "env")})
    # A path alone: of an installation of Rotoscope that may be there, only its folder is seen,
    # and that after the wheel.
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture
def run(installed, tmp_path):
    """Runs a program of that environment in an empty folder, and gives what it prints."""
    hidden = ("PYTHONPATH", "ROTOSCOPE_CONFIGS", "VIRTUAL_ENV")
    env = {k: v for k, v in os.environ.items() if k not in hidden}

    def call(program, *arguments, cwd=tmp_path):
        done = subprocess.run(
            [installed / program, *map(str, arguments)],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_recipes_robots_and_assets_are_found(run):
    assert "hand-gripper" in run("rotoscope", "recipes")
    assert "hand_landmarker.task" in run("rotoscope", "assets", "list")
    assert {"panda", "g1", "allegro_right"} <= set(run("rotoscope", "robot", "list").split())


def test_every_part_is_the_wheel_s_also_where_a_checkout_is(run, installed):
    code = (
        "import rotoscope, rotoscope.cli.main, rotoscope.flows, rotoscope.models, "
        "rotoscope.pipeline, rotoscope.retarget, sys; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('rotoscope')))"
    )
    for folder in (ROOT, ROOT.parent):
        files = [Path(file) for file in run("python", "-P", "-c", code, cwd=folder).split()]
        assert len(files) > 10
        assert [f for f in files if installed.parent not in f.parents] == []


def test_videos_become_a_dataset_that_is_read_and_shown(run, tmp_path):
    write_video(tmp_path / "a.mp4", frames=45, fps=30, size=(64, 48))
    recipe = write_recipe(tmp_path)
    told = run("rotoscope", "label", "a.mp4", "--recipe", recipe, "--out", "d", "--store", "s")
    assert "1 done" in told
    run("rotoscope", "doctor", "d")
    run("rotoscope", "report", "d")
    assert "base64" in (tmp_path / "d.report.html").read_text()
    code = "import rotoscope as rt; print(rt.open_dataset('d')[0].num_rows)"
    assert run("python", "-c", code) == "44\n"


def test_hands_become_actions_of_a_robot(run, tmp_path):
    try:
        for name in ("hand_landmarker.task", "pose_landmarker.task", "panda", "cup.mp4"):
            asset_path(name)
    except AssetError as error:
        pytest.skip(f"an asset is not here: {error}")
    video = asset_path("cup.mp4")
    told = run("rotoscope", "label", video, "--out", "d", "--store", "s")
    assert "1 done" in told
    code = "import rotoscope as rt; print(*rt.open_dataset('d').names('action'))"
    assert "panda_joint1.pos" in run("python", "-c", code)
