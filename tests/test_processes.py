"""A file where the user stands never runs, whichever way a process is started."""

import ast
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from video_files import write_video

from rotoscope.pipeline.assets import archives
from rotoscope.pipeline.assets.manifest import Member, WheelSource
from rotoscope.pipeline.processes import give_back_memory, python_module, safe_python
from rotoscope.pipeline.run.process_tree import resident_bytes

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"
MAY_NAME_THE_INTERPRETER = {
    "pipeline/processes.py",
    "benchmarks/attacks/ground.py",
    "benchmarks/mutants/trial.py",
}
"""The second starts the console command as a user's shell does, the third forks and starts none."""

TRAPS = (
    *("yaml", "json", "random", "numpy", "av", "runpy", "signal", "socket", "selectors", "struct"),
    *("multiprocessing", "threading", "pickle", "tempfile", "psutil", "scipy", "datasets"),
    *("pip", "uvicorn", "prefect", "lerobot", "rotoscope", "models", "site", "encodings", "ctypes"),
)


@pytest.fixture
def trapped(tmp_path, monkeypatch):
    """A folder in which every module that something of ours imports leaves a mark; stood in."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in TRAPS:
        mark = f"import os\nos.open({str(tmp_path / ('ran-' + name))!r}, os.O_CREAT)\n"
        (folder / f"{name}.py").write_text(mark)
    monkeypatch.chdir(folder)
    return folder


def ran(folder):
    return sorted(path.name for path in folder.parent.glob("ran-*"))


def as_installed(code, folder, *arguments):
    """Runs code as the console script does: from a file of another folder."""
    script = folder.parent / "bin" / "rotoscope"
    script.parent.mkdir(exist_ok=True)
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_input(folder):
    write_video(folder / "a.mp4", frames=60, fps=30, size=(64, 48))
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    raw = {"name": "lamp", "stages": stages, "export": {"width": 64, "height": 48}}
    recipe = folder.parent / "lamp.yaml"
    recipe.write_text(yaml.safe_dump(raw))
    return ["label", ".", "--recipe", recipe, "--out", "../out", "--store", "../store"]


COMMAND = "from rotoscope.cli.main import main\nmain()\n"


def test_traps_spring_where_the_path_is_not_safe(trapped):
    subprocess.run([sys.executable, "-c", "import yaml"], check=True)
    assert ran(trapped) == ["ran-yaml"]


def test_label_with_its_fork_server_children_and_writer_runs_none(trapped):
    as_installed(COMMAND, trapped, *write_input(trapped))
    assert (trapped.parent / "out" / "meta" / "info.json").is_file()
    assert ran(trapped) == []


def test_child_finds_what_the_run_finds_and_nothing_else(trapped):
    code = (
        "import sys; from run.test_isolation import GENEROUS, run_isolated\n"
        "answer = run_isolated('test_processes:path_of_child', None, limits=GENEROUS)\n"
        "assert answer.value == sys.path, answer\n"
    )
    as_installed(code, trapped)
    assert ran(trapped) == []


def path_of_child(_, tell):
    return sys.path


def test_processes_that_a_child_starts_with_multiprocessing_run_none(trapped):
    code = (
        "from run.test_isolation import GENEROUS, run_isolated\n"
        "answer = run_isolated('test_processes:spawn_and_track', None, limits=GENEROUS)\n"
        "assert answer.value == [1, 1], answer\n"
    )
    as_installed(code, trapped)
    assert ran(trapped) == []


def spawn_and_track(_, tell):
    """Starts the resource tracker too, which shared memory needs."""
    import multiprocessing
    from multiprocessing.shared_memory import SharedMemory

    shared = SharedMemory(create=True, size=1)
    shared.close()
    shared.unlink()
    found = []
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            found.append(pool.apply(abs, (-1,)))
    return found


def test_module_of_ours_in_a_fresh_interpreter_runs_none(trapped):
    code = (
        "import subprocess\nfrom rotoscope.pipeline.processes import python_module\n"
        "command = python_module('rotoscope.cli.main', '--help')\n"
        "print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)\n"
    )
    assert "rotoscope" in as_installed(code, trapped)
    assert ran(trapped) == []


def test_pip_that_downloads_runs_none(trapped, tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(
        archives, "_call", lambda command, folder, **_: commands.append((command, folder))
    )
    downloads = archives.Downloads(tmp_path / "scratch", lambda line: None)
    take = Member(member="a")
    source = WheelSource(type="wheel", distribution="tiny", version="1", take=take)
    with pytest.raises(archives.AssetError, match="expected one"):
        downloads.archive(source)
    ((command, _),) = commands
    subprocess.run([*command[: command.index("download")], "--version"], check=True)
    assert ran(trapped) == []


def test_user_packages_and_the_environment_stay_visible():
    assert not {"-s", "-E", "-I"} & set(safe_python())
    code = "import os, sys; print(sys.flags.safe_path, 'PYTHONSAFEPATH' in os.environ)"
    done = subprocess.run([*safe_python(), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", str("PYTHONSAFEPATH" in os.environ)]


def test_options_of_this_interpreter_are_handed_on(trapped):
    code = "from rotoscope.pipeline.processes import safe_python; print(*safe_python()[1:])"
    done = subprocess.run(
        [sys.executable, "-sP", "-W", "error::UserWarning", "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) - {"-B"} == {"-s", "-P", "-Werror::UserWarning"}


def test_module_gets_its_arguments_and_is_main(tmp_path):
    (tmp_path / "shows_itself.py").write_text("import sys\nprint(__name__, *sys.argv[1:])\n")
    code = (
        f"import subprocess, sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from rotoscope.pipeline.processes import python_module\n"
        "subprocess.run(python_module('shows_itself', '-x', 'a b'), check=True)\n"
    )
    assert as_installed(code, tmp_path) == "__main__ -x a b\n"


def test_folder_that_is_gone_is_no_hindrance(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert python_module("rotoscope")[-1] == "rotoscope"


def test_every_interpreter_of_ours_is_started_with_a_safe_path():
    """By the functions of `rotoscope.pipeline.processes`, or with `-P` in so many words."""
    wrong = []
    for package in ("pipeline", "models", "retarget", "flows", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name in MAY_NAME_THE_INTERPRETER or "_peer_scripts" in name:
                continue
            tree = ast.parse(path.read_text())
            wrong += [f"{name}:{node.lineno}" for node in ast.walk(tree) if is_unsafe(node)]
    assert wrong == []


def is_unsafe(node):
    """Whether it is a command that begins with the interpreter and has no `-P`, or a pool."""
    if isinstance(node, ast.List | ast.Tuple):
        parts = [ast.unparse(part) for part in node.elts]
        return "sys.executable" in parts and "'-P'" not in parts
    if isinstance(node, ast.Attribute | ast.Name):
        return ast.unparse(node).split(".")[-1] in ("get_context", "ProcessPoolExecutor")
    return False


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another allocator")
def test_memory_that_was_freed_in_pieces_is_given_back():
    blocks = [b"%d" % k * 50_000 for k in range(600)]
    kept = blocks[::10]
    before = resident_bytes([os.getpid()])
    del blocks
    give_back_memory()
    assert resident_bytes([os.getpid()]) < before - 20e6
    assert len(kept) == 60
