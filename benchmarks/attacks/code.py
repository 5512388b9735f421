# ruff: noqa: E501 - an attack a line
"""Code that nobody meant to run: beside the user, in records, in models, in YAML."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._small_dataset import publish_small
from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import Ground, write_clip

HOOKS = ("sitecustomize", "usercustomize", "conftest", "rotoscope", "_virtualenv", "antigravity")


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        """What a pickle says to do: a program."""
        return exec, (f"open({str(self.mark)!r}, 'w').write('pickle')",)


@attack("code")
def modules_where_one_stands(ground: Ground) -> Iterator[Finding]:
    """Every module there is, and every hook of the interpreter, in the folder that one is in."""
    here = ground.videos
    write_clip(here / "a.mp4")
    publish_small(here / "shown", episodes=3, rows=30)
    ground.write_recipe(here / "lamp.yaml")
    (here / "robot.xml").write_text("<mujoco><worldbody/></mujoco>")
    installed = {n for n in importlib.metadata.packages_distributions() if n.isidentifier()}
    for name in {*sys.stdlib_module_names, *installed, *HOOKS}:
        (here / f"{name}.py").write_text(ground.trap(name))
    for name in ("evil.pth", "zzz-evil.pth"):
        (here / name).write_text(ground.trap("pth"))
    (here / "pyvenv.cfg").write_text("home = .\ninclude-system-site-packages = true\n")
    (here / "setup.cfg").write_text(
        "[options]\npy_modules = evil\n[tool:pytest]\naddopts=-p evil\n"
    )
    (here / "matplotlibrc").write_text("backend: module://evil\n")
    (here / "pip.conf").write_text("[global]\nfind-links = .\nno-index = true\n")
    label = ["label", ".", "--recipe", "lamp.yaml", "--out", "out"]
    learn = ["--data", "shown", "--out", "lab", "-o", "kind=ridge"]
    states = ["-o", "inputs=[observation.state]"]
    for command in (
        label,
        ["describe", ".", "--recipe", "lamp.yaml", "--out", "out"],
        ["status", "out"],
        ["retry", "out", "--allow-code"],
        [*label, "--debug"],
        ["doctor", "--verify", "out"],
        ["report", "out"],
        ["track", "shown", "--recipe", "lamp.yaml", "--out", "tracked"],
        ["train", "inverse-dynamics", *learn, *states],
        ["relabel", "shown", "--labeler", "lab", "--out", "relabelled"],
        ["train", "policy", "--data", "shown", "--out", "pol", "-o", "loop.num_steps=5"],
        ["eval", "pol", "--env", "gymnasium:CartPole-v1", "--out", "tried", "--episodes", "1"],
        ["store", "verify"],
        ["store", "prune", "--max-age-days", "1"],
        ["robot", "check", "robot.xml"],
        ["recipes", "hand-gripper"],
        ["assets", "list"],
    ):
        yield ground.judge(" ".join(command), ground.run(*command, cwd=here))


@attack("code")
def settings_of_libraries_where_one_stands(ground: Ground) -> Iterator[Finding]:
    """Files in which Prefect looks for settings, which can name programs."""
    write_clip(ground.videos / "a.mp4")
    config = ground.videos / "logging.yml"
    command = f"touch {ground.mark}"
    config.write_text(
        f"version: 1\nhandlers: {{x: {{'()': os.system, command: '{command}'}}}}\nloggers: {{}}\n"
    )
    (ground.videos / ".env").write_text(f"PREFECT_LOGGING_CONFIG_PATH={config}\n")
    (ground.videos / "prefect.toml").write_text(f'[logging]\nconfig_path = "{config}"\n')
    (ground.videos / "pyproject.toml").write_text(
        f'[tool.prefect.logging]\nconfig_path = "{config}"\n'
    )
    (ground.videos / ".prefectignore").write_text("*\n")
    env = {"PREFECT_HOME": str(ground.folder / "prefect")}
    done = ground.label("--prefect", cwd=ground.videos, env=env)
    wrong = "" if ground.rows() and ground.rows()["a.mp4"].status == "done" else done.said[-300:]
    yield ground.judge("four files of settings", done, wrong)


@attack("code")
def records_that_name_programs(ground: Ground) -> Iterator[Finding]:
    """`run.json` of a dataset that somebody sent."""
    write_clip(ground.videos / "a.mp4")
    (ground.videos / "b.mp4").write_bytes(b"no video")
    evil = ground.folder / "evil.py"
    evil.write_text(ground.trap("record") + ground_stages())
    ground.label()
    path = ground.folder / "out.rotoscope" / "run.json"
    good = json.loads(path.read_text())
    for name, change in {
        "file": {"recipe": {"stages": [f"{evil}:Bright as bright"]}},
        "file without .py": {"recipe": {"stages": [f"{evil.with_suffix('')}:Bright"]}},
        "upper case": {"recipe": {"stages": [f"{evil.with_suffix('.PY')}:Bright"]}},
        "entry point": {"recipe": {"stages": ["os:system", "subprocess:run as x"]}},
        "dotted": {
            "recipe": {"stages": ["evil.Bright", "evil:Bright"]},
            "folder": str(evil.parent),
        },
        "name that is a file": {"recipe": {"stages": ["curate"], "name": f"{evil}:Bright"}},
        "as a kind": {"recipe": {"stages": [{"curate": {"kind": f"{evil}:Bright"}}]}},
        "tag": {"recipe": {"stages": [f"!!python/object/apply:os.system ['touch {ground.mark}']"]}},
        "limits": {"recipe": {"stages": ["curate"], "limits": {"preload": ["evil"]}}},
        "video backend": {"recipe": {"stages": ["curate"], "video": {"backend": "evil:read"}}},
        "folder of recipe": {
            "folder": str(ground.folder),
            "recipe": {"stages": ["./evil.py:Bright"]},
        },
    }.items():
        path.write_text(json.dumps(good | change))
        yield ground.judge(f"{name}, status", ground.run("status", "out"))
        yield ground.judge(f"{name}, retry", ground.run("retry", "out"))


@attack("code")
def tags_and_templates_in_yaml(ground: Ground) -> Iterator[Finding]:
    """Recipes and robots that ask a parser to make objects."""
    write_clip(ground.videos / "a.mp4")
    call = f"!!python/object/apply:os.system ['touch {ground.mark}']"
    made = "!!python/object/new:tuple [!!python/object/new:map [!!python/name:eval , ['1']]]"
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    for name, text in {
        "apply": f"name: {call}\nstages: [curate]\n",
        "new": f"name: x\nstages: {made}\n",
        "module": "name: !!python/module:antigravity\nstages: [curate]\n",
        "merge": f"base: &b {call}\nname: x\nstages: [curate]\n<<: *b\n",
        "long tag": "%TAG !e! tag:yaml.org,2002:python/\n---\nname: !e!name:os.system\nstages: []\n",
        "template": f'name: x\ntask: "{template}"\nstages: [curate]\n',
        "target": "name: x\nstages: [{curate: {_target_: os.system, command: ls}}]\n",
    }.items():
        path = ground.folder / "evil.yaml"
        path.write_text(text)
        options = ["--out", ground.out, "--recipe", path]
        yield ground.judge(f"recipe, {name}", ground.run("label", ground.videos, *options))
        yield ground.judge(f"robot, {name}", ground.run("robot", "check", path))


@attack("code")
def models_that_are_programs(ground: Ground) -> Iterator[Finding]:
    """Folders of labelers and policies whose weights are pickles and whose settings name code."""
    publish_small(ground.folder / "shown", episodes=3, rows=30)
    (ground.folder / "evil.py").write_text(ground.trap("model") + "class Policy: pass\n")
    learn = ["--data", "shown", "--out", "lab", "-o", "kind=ridge"]
    done = ground.run("train", "inverse-dynamics", *learn, "-o", "inputs=[observation.state]")
    yield ground.judge("an honest labeler", done, "" if done.code == 0 else done.said[-300:])
    bomb = pickle.dumps(Bomb(ground.mark))
    whole = ground.folder / "lab"
    for file in sorted(p for p in whole.rglob("*") if p.is_file()):
        spoiled = shutil.copytree(whole, ground.folder / "spoiled", dirs_exist_ok=True)
        (spoiled / file.relative_to(whole)).write_bytes(bomb)
        yield _tried(ground, spoiled, f"pickle as {file.name}")
    for file in sorted(whole.rglob("*.npz")):
        spoiled = shutil.copytree(whole, ground.folder / "spoiled", dirs_exist_ok=True)
        with np.load(file) as good:
            names = list(good)
        objects = np.empty(1, object)
        objects[0] = Bomb(ground.mark)
        np.savez(spoiled / file.relative_to(whole), **dict.fromkeys(names, objects))
        yield _tried(ground, spoiled, f"objects in {file.name}")
    for file in sorted(whole.rglob("*.json")):
        spoiled = shutil.copytree(whole, ground.folder / "spoiled", dirs_exist_ok=True)
        (spoiled / "evil.py").write_text(ground.trap("beside"))
        values = json.loads(file.read_text())
        if isinstance(values, dict):
            more = {"_target_": "evil.Policy", "auto_map": {"AutoModel": "evil.Policy"}}
            (spoiled / file.relative_to(whole)).write_text(json.dumps(values | more))
            yield _tried(ground, spoiled, f"auto_map in {file.name}")
    for name, config in {
        "type": {"type": "evil"},
        "auto_map": {"type": "act", "auto_map": {"AutoConfig": "evil.Policy"}},
        "target": {"type": "act", "_target_": "evil.Policy"},
    }.items():
        policy = ground.folder / "policy"
        shutil.rmtree(policy, ignore_errors=True)
        policy.mkdir()
        (policy / "evil.py").write_text(ground.trap("beside the policy"))
        (policy / "config.json").write_text(json.dumps(config))
        (policy / "train_config.json").write_text(json.dumps({"policy": config}))
        for weights in ("model.safetensors", "pytorch_model.bin", "policy.pth", "policy.pt"):
            (policy / weights).write_bytes(bomb)
        out = ["--env", "gymnasium:CartPole-v1", "--out", "tried", "--episodes", "1"]
        yield ground.judge(f"policy, {name}", ground.run("eval", "policy", *out))


def _tried(ground: Ground, labeler: Path, name: str) -> Finding:
    shutil.rmtree(ground.folder / "relabelled", ignore_errors=True)
    done = ground.run("relabel", "shown", "--labeler", labeler, "--out", "relabelled")
    shutil.rmtree(labeler)
    return ground.judge(name, done)


@attack("code")
def pickles_among_data(ground: Ground) -> Iterator[Finding]:
    """Pickles and arrays of objects where a dataset, a motion or a video has its data."""
    bomb = pickle.dumps(Bomb(ground.mark))
    objects = np.empty(2, object)
    objects[:] = [Bomb(ground.mark)] * 2
    motions = ground.folder / "motions"
    motions.mkdir()
    np.savez(motions / "amass.npz", poses=objects, trans=objects, mocap_framerate=objects)
    np.save(motions / "keys.npy", objects, allow_pickle=True)
    (motions / "pickle.npz").write_bytes(bomb)
    (motions / "pickle.npy").write_bytes(bomb)
    (motions / "joints.pkl").write_bytes(bomb)
    done = ground.run("label", motions, "--recipe", "motion-humanoid", "--out", ground.out)
    yield ground.judge("motion files", done)
    done = ground.run(
        "label", motions / "joints.pkl", "--recipe", "motion-humanoid", "--out", ground.out
    )
    yield ground.judge("a named .pkl", done)
    data = ground.folder / "data"
    publish_small(data, episodes=2, rows=30)
    for file in sorted(p.relative_to(data) for p in data.rglob("*") if p.is_file()):
        spoiled = Path(shutil.copytree(data, ground.folder / "spoiled"))
        (spoiled / file).write_bytes(bomb)
        command = "report" if file.suffix == ".parquet" else "doctor"
        yield ground.judge(f"{command}, {file}", ground.run(command, spoiled))
        shutil.rmtree(spoiled)


def ground_stages() -> str:
    """The lamp's stages as text."""
    return Path(__file__).with_name("lamp.py").read_text().partition("annotations\n")[2]
