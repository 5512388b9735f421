"""A clean dataset, and a copy to spoil."""

import shutil
from pathlib import Path

import pytest
from corruptions import EPISODES, ROWS, without_facts

from benchmarks._small_dataset import publish_small


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    out = tmp_path_factory.mktemp("clean") / "dataset"
    publish_small(out, episodes=EPISODES, rows=ROWS)
    return out


@pytest.fixture
def dataset(clean, tmp_path):
    return Path(shutil.copytree(clean, tmp_path / "dataset"))


@pytest.fixture
def foreign(dataset):
    """As another tool would have written it: nothing in it says what Rotoscope says."""
    shutil.rmtree(dataset / "meta" / "rotoscope")
    without_facts(dataset)
    return dataset
