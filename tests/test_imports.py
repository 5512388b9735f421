"""Who may import whom, and what stays unloaded until it is needed."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError
from shape_checks import check

from benchmarks._import_graph import circles, file_graph, product_files, room_graph, tree_of
from rotoscope.pipeline.geometry import pinhole

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "models", "retarget", "flows")
"""Folders of the repository; `rotoscope.pipeline` and so on where they are imported."""

MAY_IMPORT = {
    "pipeline": {"pipeline", "rotoscope.__version__"},
    "models": {
        "models",
        *(f"pipeline.{m}" for m in ("types", "tracks", "errors", "stage", "geometry", "video")),
        *(f"pipeline.{m}" for m in ("assets", "configs", "files", "motion", "packages", "quoting")),
        *(f"pipeline.{m}" for m in ("settings", "setting_facts")),
        "pipeline.policy",
        *(f"pipeline.{m}" for m in ("contract", "datasets", "smoothing")),
        # What simulators record becomes a dataset as everything else does.
        *(f"pipeline.{m}" for m in ("episodes", "export")),
        # A labeler is named as a stage is: built in, by an entry point or by a file.
        "pipeline.registry",
        # Series of features are laid onto each other.
        "pipeline.alignment",
        # Rewards are numbers alone; what episodes are judged by may be a network.
        "pipeline.rewards",
        # What a labeler says of a dataset becomes columns of it as tracks do.
        "pipeline.add_tracks",
    },
    "retarget": {
        "retarget",
        *(f"pipeline.{m}" for m in ("types", "tracks", "contract", "errors", "stage")),
        *(f"pipeline.{m}" for m in ("geometry", "smoothing", "assets", "configs", "files")),
        *(f"pipeline.{m}" for m in ("packages", "quoting", "robots", "settings")),
    },
    "flows": {*PACKAGES, "rotoscope.api", "rotoscope.train"},
    "rotoscope": {*PACKAGES, "rotoscope"},
}
"""Package -> modules that it may name, each with all below it, packages without the root."""

HEAVY = {
    "anny",
    "cv2",
    "datasets",
    "decord",
    "lerobot",
    "matplotlib",
    "mediapipe",
    "mujoco",
    "open3d",
    "prefect",
    "rerun",
    "smplx",
    "torch",
    "torchvision",
    "transformers",
}
"""Packages that are imported inside the function that needs them."""
HEAVY_PARTS = ("scipy.stats",)
"""Parts of light packages that are not light: a third of what `rotoscope recipes` took."""


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def names_in(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """What an import names: both the module and what is taken from it, which may be a module."""
    if isinstance(node, ast.Import):
        return [without_root(alias.name) for alias in node.names]
    if node.level:
        return [package]
    return [without_root(f"{node.module}.{alias.name}") for alias in node.names]


def without_root(name: str) -> str:
    """`pipeline.errors` for `rotoscope.pipeline.errors`; other names as they are."""
    below = name.removeprefix("rotoscope.")
    return below if below.split(".")[0] in PACKAGES else name


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in names_in(node, package))


def imports_on_load(body: list[ast.stmt], package: str) -> Iterator[tuple[int, str]]:
    """Imports that run when the module is imported: not in functions, not for the type checker."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in names_in(node, package))
        for field in ("body", "orelse", "finalbody"):
            yield from imports_on_load(getattr(node, field, []), package)
        for handler in getattr(node, "handlers", []):
            yield from imports_on_load(handler.body, package)


def is_allowed(name: str, allowed: set[str]) -> bool:
    if name.split(".")[0] not in MAY_IMPORT:
        return True
    return any(name == module or name.startswith(module + ".") for module in allowed)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_names_only_modules_it_may_import(package: str) -> None:
    assert modules_of(package)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(package)
        for line, name in imports(tree_of(path), package)
        if not is_allowed(name, MAY_IMPORT[package])
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["pipeline", "models", "retarget", "rotoscope"])
def test_heavy_packages_are_imported_only_inside_functions(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(package)
        for line, name in imports_on_load(tree_of(path).body, package)
        if name.split(".")[0] in HEAVY or name.startswith(HEAVY_PARTS)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["pipeline", "models", "retarget", "rotoscope"])
def test_prefect_stays_in_flows(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules_of(package)
        for line, name in imports(tree_of(path), package)
        if name.split(".")[0] == "prefect"
    ]
    assert wrong == []


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return file_graph(product_files())


def test_no_two_files_import_each_other_in_a_circle(graph: dict[str, set[str]]) -> None:
    assert circles(graph) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_stands_above_those_that_it_imports(
    graph: dict[str, set[str]], package: str
) -> None:
    rooms = room_graph(graph, package)
    assert len(rooms) > 1
    assert circles(rooms) == []


@pytest.mark.parametrize("package", ["models", "retarget"])
def test_rooms_say_what_they_import_and_import_no_more(
    graph: dict[str, set[str]], package: str
) -> None:
    wrong = []
    for room, below in room_graph(graph, package).items():
        folder = ROOT / room.replace(".", "/")
        if not folder.is_dir():
            continue  # a single file on top of the rooms
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert said is not None
        assert "\n\nMay import: " in said, room
        allowed = said.partition("May import: ")[2]
        wrong += [
            f"{room} imports {other}"
            for other in sorted(below)
            if f"`{other.split('.')[1]}`" not in allowed
        ]
    assert wrong == []


def loaded_after(statement: str) -> set[str]:
    """Top-level packages in a fresh interpreter after a statement."""
    code = f"{statement}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["", ".cli.main", ".pipeline.recipe", ".public"])
def test_starting_loads_nothing_heavy(module: str) -> None:
    loaded = loaded_after(f"import rotoscope{module}")
    assert "rotoscope" in loaded
    assert loaded & HEAVY == set()
    assert loaded & {"scipy", "pandas", "av", "pyarrow"} == set()


@pytest.mark.parametrize("module", ["cli.main", "flows.supervise", "models.hands"])
def test_nothing_is_imported_beside_the_root(module: str) -> None:
    # From the checkout's folder, where `import pipeline` would find a second copy.
    assert loaded_after(f"import rotoscope.{module}") & set(PACKAGES) == set()


def test_checkout_on_the_path_is_used_whole_whatever_is_installed(tmp_path: Path) -> None:
    for name in ("rotoscope", "pipeline", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "rotoscope" / "__init__.py").write_text(
        (ROOT / "rotoscope/__init__.py").read_text()
    )
    code = (
        "import importlib, sys; sys.path[:0] = sys.argv[1:2]; "
        "print(*(importlib.import_module(f'rotoscope.{n}').__file__ for n in sys.argv[2:]))"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path), "pipeline", "models"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / n / "__init__.py") for n in command[-2:]]


def test_shapes_in_signatures_are_checked_while_tests_run() -> None:
    # The hook goes by names of packages, and is silent about a name that no package has.
    with pytest.raises(TypeCheckError):
        pinhole.project(np.zeros((1, 2)), np.eye(3))


def test_what_comes_out_is_checked_with_the_sizes_of_what_went_in() -> None:
    @check
    def first(a: Float[np.ndarray, "row 3"], num: int) -> Float[np.ndarray, "row 3"]:
        return a[:num]

    assert first(np.zeros((4, 3)), 4).shape == (4, 3)
    with pytest.raises(TypeCheckError, match="checking the return value"):
        first(np.zeros((4, 3)), 2)
    for wrong in ((np.zeros((4, 2)), 4), (np.zeros((4, 3)), "4")):
        with pytest.raises(TypeCheckError, match="checking the parameters"):
            first(*wrong)


def test_installing_adds_one_name_that_holds_every_package() -> None:
    code = (
        "import json, setuptools; from distutils.core import run_setup; "
        "made = run_setup('setup.py', stop_after='config'); "
        "print(json.dumps([made.packages, made.package_dir]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    packages, folders = json.loads(done.stdout)
    inits = [path for part in PACKAGES for path in (ROOT / part).rglob("__init__.py")]
    below = {f"rotoscope.{'.'.join(path.parent.relative_to(ROOT).parts)}" for path in inits}
    assert sorted(packages) == sorted({"rotoscope", "rotoscope.cli", *below})
    assert folders == {"rotoscope": "rotoscope"} | {f"rotoscope.{p}": p for p in PACKAGES}


def test_circles_are_found(tmp_path: Path) -> None:
    for name, text in {
        "models/a/one.py": "from rotoscope.models.b import two",
        "models/b/two.py": "def f():\n    import rotoscope.models.a.three",
        "models/a/three.py": "from rotoscope.pipeline.errors import UsageError",
        "pipeline/errors.py": "from rotoscope.pipeline.words import one\n",
        "pipeline/words.py": "from rotoscope.pipeline import errors\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = file_graph(product_files(tmp_path))
    assert circles(graph) == [["pipeline.errors", "pipeline.words"]]
    assert circles(room_graph(graph, "models")) == [["models.a", "models.b"]]


def test_the_checks_themselves_see_what_is_wrong() -> None:
    tree = ast.parse(
        "import torch.nn\n"
        "from rotoscope.pipeline import run\n"
        "try:\n    import av\nexcept ImportError:\n    import cv2\n"
        "class A:\n    import mujoco\n"
        "if TYPE_CHECKING:\n    import open3d\n"
        "def f():\n    import mediapipe\n"
    )
    on_load = {name for _, name in imports_on_load(tree.body, "models")}
    assert on_load == {"torch.nn", "pipeline.run", "av", "cv2", "mujoco"}
    assert {"open3d", "mediapipe"} <= {name for _, name in imports(tree, "models")}
    assert not is_allowed("pipeline.run", MAY_IMPORT["models"])
    assert not is_allowed("rotoscope.Recipe", MAY_IMPORT["models"])
    assert not is_allowed("rotoscope.cli.main", MAY_IMPORT["flows"])
    assert not is_allowed("pipeline.typesetting", MAY_IMPORT["models"])
    assert is_allowed("pipeline.types.Clip", MAY_IMPORT["models"])
