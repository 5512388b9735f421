"""Fixtures that every test may use."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import shape_checks
from hypothesis import settings

from benchmarks.paths import shared_data as find_shared_data

shape_checks.install()

# Some environments forbid bytecode, as those of containers do. Hundreds of commands and processes
# of videos are started here: each would compile all that it imports again, for seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Packages and tests are millions of objects that stay; nobody looks through them for circles.
gc.disable()

# A busy machine is no reason to fail.
settings.register_profile("rotoscope", deadline=None)
settings.load_profile("rotoscope")


def pytest_collection_finish() -> None:
    """All is loaded: from here on, what tests leave behind is collected."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _frames_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pictures that trainings keep are not put among the user's."""
    folder = tmp_path_factory.mktemp("frames")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rotoscope.models.training.frames.cache_folder", lambda: folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _warm_writer() -> Iterator[None]:
    """Datasets are written by copies of a process that has loaded LeRobot; see `fresh_writer`."""
    from warm_writer import WarmWriter

    writer = WarmWriter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rotoscope.pipeline.export.publish._run", writer.run)
        yield
    writer.close()


@pytest.fixture(scope="module")
def fresh_writer() -> Iterator[None]:
    """Datasets of a file of tests are written by a process for each, as a user's are."""
    from warm_writer import fresh_run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rotoscope.pipeline.export.publish._run", fresh_run)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; skips where it is absent."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the shared folder of real recordings is absent (ROTOSCOPE_SHARED_DATA)")
    return folder
