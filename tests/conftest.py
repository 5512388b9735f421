"""Fixtures that every test may use."""

from pathlib import Path

import pytest

from benchmarks.paths import shared_data as find_shared_data


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; skips where it is absent."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the shared folder of real recordings is absent (ROTOSCOPE_SHARED_DATA)")
    return folder
