"""The report draws progress within its sigma, and a chart a reward."""

import dataclasses

import numpy as np
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.report.progress_curves import progress_curves

ROWS = 40


@pytest.fixture
def dataset(tmp_path):
    publish_small(tmp_path / "small", episodes=1, rows=ROWS)
    return open_dataset(tmp_path / "small")


def drawn(dataset, **columns):
    episode = dataset.episode(0)
    named = {name.replace("__", "."): values for name, values in columns.items()}
    return progress_curves(
        dataset, dataclasses.replace(episode, columns=dict(episode.columns) | named)
    )


def test_progress_stands_between_its_sigmas_and_what_is_off_is_shaded(dataset):
    off = np.zeros(ROWS)
    plain, _ = drawn(
        dataset,
        label__progress=np.linspace(0, 0.6, ROWS),
        label__progress_sigma=np.full(ROWS, 0.1),
        label__progress_off=off,
        label__reward__orca=np.linspace(0, 1, ROWS),
    )
    assert "progress along the demonstration" in plain
    assert plain.count("<polyline") == 3
    off[20:30] = 1.0
    shaded, reward = drawn(
        dataset,
        label__progress=np.linspace(0, 0.6, ROWS),
        label__progress_off=off,
        label__reward__orca=np.linspace(0, 1, ROWS),
    )
    assert shaded.count("<rect") == plain.count("<rect") + 1
    assert "reward by orca" in reward


def test_nothing_is_drawn_of_what_is_not_there_or_not_known(dataset):
    assert drawn(dataset) == []
    unknown = np.full(ROWS, np.nan)
    assert drawn(dataset, label__progress=unknown, label__reward__ot=unknown) == []
