import textwrap
from pathlib import Path

import pytest

from benchmarks.labelers import code, families, pool
from benchmarks.labelers.cells import Cell

FAMILY = """
import os, signal
from benchmarks.labelers.cells import Row

def measure(cell):
    if cell.labeler == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if cell.labeler == "raise":
        raise ValueError("no such thing")
    if cell.labeler == "slow":
        import time
        time.sleep(60)
    held = bytearray(200 * 2**20) if cell.labeler == "large" else b""
    return Row.of(cell, score=float(len(held) > 0))

def code(cell):
    return ()
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "made_up_family.py"
    package.write_text(FAMILY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ROTOSCOPE_BENCH", str(tmp_path / "bench"))
    monkeypatch.setitem(families.FAMILIES, "made-up", "made_up_family")
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    return "made-up"


def cells(family: str, *labelers: str) -> list[Cell]:
    return [Cell(family=family, task="t", labeler=labeler) for labeler in labelers]


@pytest.mark.slow
def test_cells_that_crash_or_hang_cost_their_own_row_alone(made_up: str) -> None:
    told: list[pool.CellDone] = []
    wanted = cells(made_up, "crash", "raise", "slow", "good", "large")
    rows = pool.rows_of(wanted, jobs=2, listener=told.append, limit_s=20)
    by_name = {row.labeler: row for row in rows}
    assert "SIGSEGV" in by_name["crash"].failed
    assert "ValueError: no such thing" in by_name["raise"].failed
    assert "stopped after 20 s" in by_name["slow"].failed
    assert by_name["good"].failed == ""
    assert [row.labeler for row in rows] == [cell.labeler for cell in wanted]
    assert {event.number for event in told} == {1, 2, 3, 4, 5}
    # Memory is the cell's own: the large one holds 200 MiB more, whatever ran before.
    assert by_name["large"].peak_memory_mib - by_name["good"].peak_memory_mib > 150

    again: list[pool.CellDone] = []
    pool.rows_of(cells(made_up, "good", "large"), jobs=1, listener=again.append)
    assert not any(event.is_new for event in again)


def write(folder: Path, name: str, text: str) -> None:
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


USED = """
def f():
    from rotoscope.models import deep
    return deep.x
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    write(tmp_path, "benchmarks.one", "from rotoscope.models.used import f\n")
    write(tmp_path, "models.used", USED)
    write(tmp_path, "models.deep", "x = 1\n")
    write(tmp_path, "models.unused", "x = 1\n")
    return tmp_path


def fresh_hash() -> str:
    for cached in (code.code_hash, code._imports, code._tree):
        cached.cache_clear()
    return code.code_hash(("benchmarks.one",))


def test_what_a_cell_runs_is_found_through_its_imports(project: Path) -> None:
    fresh_hash()
    assert code.reached(["benchmarks.one"]) == {"benchmarks.one", "models.used", "models.deep"}


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        ("models.deep", "x = 2\n", True),
        ("models.unused", "x = 2\n", False),
        ("models.deep", '"""Now documented."""\n\nx = 1  # the one\n', False),
    ],
)
def test_only_edits_of_code_that_is_run_count(
    project: Path, name: str, text: str, changes: bool
) -> None:
    before = fresh_hash()
    write(project, name, text)
    assert (fresh_hash() != before) == changes


def test_a_definition_that_moves_to_another_module_changes_no_key(project: Path) -> None:
    before = fresh_hash()
    moved = USED.replace("models import deep", "models.room import low as deep")
    write(project, "models.room.used", moved)
    write(project, "models.room.low", '"""A room."""\nfrom __future__ import annotations\nx = 1\n')
    write(project, "benchmarks.one", "from rotoscope.models.room.used import f\n")
    assert fresh_hash() == before
    assert code.reached(["benchmarks.one"]) >= {"models.room.used", "models.room.low"}


def test_a_module_named_in_a_string_may_move(project: Path) -> None:
    write(project, "models.used", 'WHERE = "rotoscope.models.one:opened"\n')
    before = fresh_hash()
    write(project, "models.used", 'WHERE = "rotoscope.models.room.one:opened"\n')
    assert fresh_hash() == before
    write(project, "models.used", 'WHERE = "rotoscope.models.room.one:closed"\n')
    assert fresh_hash() != before


def test_a_missing_module_is_named(project: Path) -> None:
    with pytest.raises(ValueError, match=r"no module models\.gone"):
        code.reached(["models.gone"])
