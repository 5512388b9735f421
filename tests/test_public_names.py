"""What `import rotoscope as rt` gives, and that it works wherever it is called from."""

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from video_files import write_video

import rotoscope as rt
from rotoscope import public

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"
COMMANDS = (rt.label, rt.track, rt.relabel, rt.evaluate, rt.report, rt.doctor, rt.draw, rt.compare)
TRAININGS = (
    *(rt.train.labeler, rt.train.inverse_dynamics, rt.train.latent_action),
    *(rt.train.policy, rt.train.bco),
)


def write_recipe(folder: Path, *stages: str) -> Path:
    """A recipe for small videos: the brightness of a lamp."""
    path = folder / "lamp.yaml"
    stages = stages or (f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp")
    export = {"width": 64, "height": 48}
    path.write_text(
        yaml.safe_dump({"name": "lamp", "stages": [*stages, "curate"], "export": export})
    )
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "a.mp4", frames=45, fps=30, size=(64, 48))
    (folder / "broken.mp4").write_text("this is no video")
    return folder


@pytest.fixture(scope="module")
def run(videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return rt.label(
        str(videos), recipe=write_recipe(folder), out=str(folder / "out"), store=folder / "store"
    )


def test_every_public_name_is_there_and_says_what_it_is():
    assert sorted(public.__all__) == public.__all__
    assert set(public.__all__) <= set(dir(rt))
    assert rt.__all__ == public.__all__
    silent = [n for n in public.__all__ if not inspect.getdoc(getattr(rt, n))]
    assert silent == []
    everything: dict[str, object] = {}
    exec("from rotoscope import *", everything)
    assert everything["label"] is rt.label


def test_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match="module 'rotoscope' has no attribute 'lable'"):
        rt.lable  # noqa: B018
    assert not hasattr(rt, "__wrapped__")


def test_importing_the_root_alone_loads_nothing_else_of_ours():
    code = "import sys, rotoscope; print(*(n for n in sys.modules if n.startswith('rotoscope')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rotoscope"]


@pytest.mark.parametrize("function", COMMANDS + TRAININGS, ids=lambda f: f.__name__)
def test_only_what_is_worked_on_is_given_by_position(function):
    found = list(inspect.signature(function).parameters.values())
    # A dataset's rows, another dataset, or a labeler's.
    rest = found[2:] if function in (rt.draw, rt.compare, rt.train.labeler) else found[1:]
    assert {p.kind for p in rest} <= {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in found)


def test_type_checkers_see_every_module_beside_the_root():
    # Links that show the parts as installed; without one, its names would be unknown.
    beside = {p.name for p in (ROOT / "rotoscope").iterdir()} - {"__pycache__", "py.typed"}
    parts = {"pipeline", "models", "retarget", "flows"}
    assert {p.name for p in (ROOT / "typing/rotoscope").iterdir()} == beside | parts
    assert all(p.resolve().exists() for p in (ROOT / "typing/rotoscope").iterdir())


def test_run_says_how_many_failed_and_why(run):
    assert repr(run).splitlines()[0].startswith("<Run of lamp: 1 done, 1 failed; ")
    assert "broken.mp4: NotAVideoError in probe: broken.mp4" in repr(run)
    assert [row.name for row in run.failed] == ["broken.mp4"]


def test_tracks_of_every_stage_are_those_that_were_stored(run):
    tracks = run.tracks("a.mp4")
    assert list(tracks) == ["clock", "bright", "lamp", "curate"]
    action = tracks["lamp"]["actions.lamp.scene"]
    assert isinstance(action, rt.ActionTrack)
    assert len(tracks["clock"]["clock"].time_s) == action.num_frames == 45


def test_tracks_of_a_video_that_failed_or_is_not_there_are_refused(run):
    with pytest.raises(rt.errors.UsageError, match=r"broken\.mp4 failed in probe: broken\.mp4"):
        run.tracks("broken.mp4")
    for name in ("b.mp4", ""):
        with pytest.raises(rt.errors.UsageError, match=r"name one of 'a\.mp4', 'broken\.mp4'"):
            run.tracks(name)


def test_dataset_is_a_sequence_of_episodes(run):
    assert len(run.dataset) == 1
    assert run.dataset[0].num_rows == len(run.dataset[0].columns["action"])
    assert [episode.index for episode in run.dataset] == [0]
    assert "1 episodes, 44 rows at 30 Hz" in repr(run.dataset)
    with pytest.raises(IndexError):
        run.dataset[1]


def test_checks_print_as_a_table(run):
    found = rt.doctor(run.dataset)
    assert [check.name for check in found] == [check.name for check in rt.doctor(run.dataset.root)]
    assert repr(found).splitlines()[0].split()[:2] == ["PASS", "structure"]


def test_run_without_a_dataset_says_why_there_is_none(videos, tmp_path):
    recipe = rt.load_recipe(write_recipe(tmp_path))
    run = rt.label(
        videos / "broken.mp4", recipe=recipe, out=tmp_path / "out", store=tmp_path / "store"
    )
    with pytest.raises(rt.errors.DatasetError, match=r"(?s)no dataset was written.*NotAVideoError"):
        run.dataset  # noqa: B018


def test_wrong_calls_are_refused_before_anything_is_read(videos, tmp_path):
    recipe = rt.load_recipe(write_recipe(tmp_path))
    with pytest.raises(rt.errors.UsageError, match=r"not there: nothing; give folders or files"):
        rt.label("nothing", recipe=recipe, out=tmp_path / "out")
    with pytest.raises(rt.errors.UsageError, match="overrides are for a recipe by name or path"):
        rt.label(videos, recipe=recipe, overrides=["lamp.gain=2"], out=tmp_path / "out")
    with pytest.raises(rt.errors.RecipeError, match="there is no recipe 'hand'; valid ones are"):
        rt.label(videos, recipe="hand", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


SCRIPT = """\
import models, pipeline, configs
import rotoscope as rt

run = rt.label("videos", recipe="lamp.yaml", out="out", store="store", workers=2)

print(run.rows[0].status, len(run.dataset), models.WHOSE, pipeline.WHOSE, configs.WHOSE)
"""


@pytest.mark.parametrize("how", ["use.py", "-", "-i"])
def test_own_models_and_pipeline_beside_a_script_do_no_harm(how, videos, tmp_path):
    # A script, standard input, and the prompt: none has a guard around what it calls.
    shutil.copytree(videos, tmp_path / "videos")
    write_recipe(tmp_path)
    for name in ("models", "pipeline", "configs", "retarget", "flows", "rotoscope_file", "json5"):
        text = f"WHOSE = 'mine'\nopen('imported.txt', 'a').write({name + chr(10)!r})\n"
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "use.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, how],
        input=SCRIPT if how.startswith("-") else "",
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "done 1 mine mine mine" in done.stdout, done.stderr
    # By the script alone: never by a child.
    assert (tmp_path / "imported.txt").read_text().split() == ["models", "pipeline", "configs"]


HUB_STAGE = f"""\
import numpy as np
import torch
import rotoscope as rt
from rotoscope.pipeline.registry import stage_class

class Seen(stage_class({f"{TINY}:Brightness"!r}, allow_code=True)):
    def setup(self):
        net = torch.hub.load(HUB, "double", source="local")
        self.doubled = float(net(torch.ones(1)))

    def finish(self, time_s):
        assert self.doubled == 2.0
        return super().finish(time_s)
"""


def test_stage_may_load_a_hub_repository_with_a_models_package(videos, tmp_path):
    hub = tmp_path / "hub"
    (hub / "models").mkdir(parents=True)
    (hub / "models" / "__init__.py").touch()
    (hub / "models" / "net.py").write_text("def double():\n    return lambda x: 2 * x\n")
    (hub / "hubconf.py").write_text("from models.net import double\n")
    (tmp_path / "hub_stage.py").write_text(HUB_STAGE.replace("HUB,", f"{str(hub)!r},"))
    recipe = write_recipe(
        tmp_path, "./hub_stage.py:Seen as bright", f"{TINY}:BrightnessLabeler as lamp"
    )
    run = rt.label(videos / "a.mp4", recipe=recipe, out=tmp_path / "out", store=tmp_path / "store")
    assert [row.status for row in run.rows] == ["done"], run


@pytest.mark.slow
def test_type_checker_knows_the_names_and_sees_a_wrong_one(tmp_path):
    pytest.importorskip("mypy", reason="needs the extra `dev`")
    (tmp_path / "user.py").write_text(
        "import rotoscope as rt\n"
        "reveal_type(rt.label('a.mp4', out='d'))\n"
        "rt.label('a.mp4', 'hand-gripper')\n"
        "rt.lable\n"
    )
    options = ["--strict", "--follow-imports=silent", "--ignore-missing-imports"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT / "typing")},
        capture_output=True,
        text=True,
    )
    assert 'user.py:2: note: Revealed type is "rotoscope.api.Run"' in done.stdout
    assert "user.py:3: error: Too many positional arguments" in done.stdout
    assert 'user.py:4: error: Module has no attribute "lable"' in done.stdout
