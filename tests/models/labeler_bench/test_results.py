"""What the bench makes of its rows: seeds share starts, and differences are of the same starts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rotoscope.models.labeler_bench.cells import Cell, Row
from rotoscope.models.labeler_bench.results import lines, write

CELL = Cell(task="point:line", labeler="true", seed=0, num_labeled=3, num_hidden=4, num_starts=40)


def tried(labeler, solved, seed=0):
    solved = tuple(bool(s) for s in solved)
    row = Row(solved=solved, returns=(0.0,) * len(solved), cpu_s=1.0)
    return replace(CELL, labeler=labeler, seed=seed), row


def judged(seed, errors, units):
    squared, total = [(e,) for e in errors], [(1.0,)] * len(errors)
    row = Row(
        scores={"mean_coverage_90": 0.9},
        units=tuple(units),
        squared=tuple(squared),
        total=tuple(total),
        valid_share=1.0,
        cpu_s=1.0,
    )
    return replace(CELL, labeler="mean", seed=seed), row


def test_difference_is_of_the_same_starts():
    # Two policies that solve the same half: no difference, and no doubt about it.
    half = np.arange(40) % 2
    found = {line.labeler: line for line in lines([tried("true", half), tried("alone", half)])}
    assert found["alone"].success == 0.5
    low, high = found["alone"].success_interval
    assert low < 0.4 < 0.6 < high
    assert found["alone"].minus_true == 0
    assert found["alone"].minus_true_interval == (0, 0)


def test_more_seeds_of_the_same_starts_are_no_more_starts():
    half = np.arange(40) % 2
    one = lines([tried("true", half)])[0].success_interval
    three = lines([tried("true", half, seed) for seed in range(3)])[0].success_interval
    assert one == three


def test_r2_is_over_all_episodes_of_all_seeds():
    (line,) = lines([judged(0, [0.0, 0.5], [1, 2]), judged(1, [1.0], [3])])
    assert line.seeds == 2
    assert line.r2 == 0.5
    assert line.r2_interval[0] < 0.5 < line.r2_interval[1]
    assert np.isnan(line.success)


def test_a_failed_cell_costs_its_own_row(tmp_path):
    failed = (replace(CELL, labeler="alone"), Row(failed="ValueError: no"))
    measured = [tried("true", np.ones(40)), failed]
    found = lines(measured)
    assert found[1].failed == ("ValueError: no",)
    write(found, measured, tmp_path)
    assert "failed: ValueError: no" in (tmp_path / "labelers.md").read_text()
    assert "they share starts" in (tmp_path / "labelers.md").read_text()
    stored = json.loads((tmp_path / "labelers.json").read_text())
    assert stored["lines"][0]["success"] == 1
    assert stored["lines"][1]["success"] is None
    assert len(stored["rows"]) == 2


@pytest.mark.parametrize("change", [{"seed": 1}, {"num_labeled": 4}, {"labeler": "alone"}])
def test_another_cell_is_kept_elsewhere(change):
    assert CELL.key() == replace(CELL).key()
    assert CELL.key() != replace(CELL, **change).key()
