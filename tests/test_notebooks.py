"""Notebooks run from top to bottom, show what they did, and use public names alone."""

import ast
import itertools
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rotoscope import public
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.testing import a_video_file
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
ROBOTS = {"02_one_clip_two_hands": ("allegro_hand", "shadow_hand")}
"""Robots that a notebook needs; an arm where it is not named."""
MAX_BYTES = 1_500_000
RUN = [
    # The others make every call that the second makes; the fourth takes half a minute, those that
    # train labelers one and several.
    pytest.param(
        path, marks=[pytest.mark.slow] if path.stem[:2] not in ("01", "03") else [], id=path.stem
    )
    for path in NOTEBOOKS
]
SIMULATORS = {"05_train_a_labeler": "gym_pusht", "06_latent_actions": "metaworld"}
"""Packages that a notebook needs in place of assets."""


def beginning(path, out):
    """Its first three seconds: what a notebook shows of a whole video, it shows of these."""
    video = probe(path)
    pictures = [
        frame.rgb for frame in itertools.islice(read_frames(video), round(3 * video.rate_hz))
    ]
    return a_video_file(out, pictures, size=(video.width, video.height))


@pytest.mark.parametrize("path", RUN)
def test_notebook_runs(path, tmp_path, monkeypatch):
    if package := SIMULATORS.get(path.stem):
        if find_spec(package) is None:
            pytest.skip(f"the notebook needs the package {package}, which is not installed")
        monkeypatch.setenv("MUJOCO_GL", "egl")
        _run(path, monkeypatch)
        return
    for name in (
        "cup.mp4",
        "hand_landmarker.task",
        "pose_landmarker.task",
        *ROBOTS.get(path.stem, ("panda",)),
    ):
        try:
            asset_path(name)
        except AssetError as error:
            pytest.skip(f"the notebook needs an asset that is not here: {error}")
    video = beginning(asset_path("cup.mp4"), tmp_path / "cup.mp4")
    monkeypatch.setenv("ROTOSCOPE_VIDEO", str(video))
    _run(path, monkeypatch)


def _run(path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert errors == []


def code_cells(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_committed_notebook_shows_one_whole_run_with_pictures(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {o.output_type for o in outputs} <= {"stream", "display_data", "execute_result"}
    assert {o.name for o in outputs if o.output_type == "stream"} <= {"stdout"}
    for cell in cells:
        is_shown = "plt.show()" in cell.source
        assert is_shown == any("image/png" in o.get("data", {}) for o in cell.outputs)
        if "print(" in cell.source and not cell.source.startswith("%%writefile"):
            assert any(o.output_type == "stream" for o in cell.outputs)
    assert any("plt.show()" in cell.source for cell in cells)
    assert path.stat().st_size < MAX_BYTES


def names_used(source):
    """What a piece of code imports, and what it takes from `rt`."""
    imported, taken = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {(alias.name, alias.asname) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module, None))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken |= {node.attr} if node.value.id == "rt" else set()
    return imported, taken


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_uses_public_names_alone(path):
    for cell in code_cells(path):
        magic, _, rest = cell.source.partition("\n")
        is_file = magic.startswith("%%writefile")
        if is_file and not magic.endswith(".py"):
            continue
        imported, taken = names_used(rest if is_file else cell.source)
        ours = {(name, alias) for name, alias in imported if name.startswith("rotoscope")}
        assert ours <= {("rotoscope", "rt")}
        assert taken <= set(public.__all__)


def test_private_names_would_be_seen():
    imported, taken = names_used("import rotoscope as rt\nfrom rotoscope.pipeline import a\nrt.b.c")
    assert imported == {("rotoscope", "rt"), ("rotoscope.pipeline", None)}
    assert taken == {"b"}
