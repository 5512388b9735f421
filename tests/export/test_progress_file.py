"""LeRobot's file of progress, and what its weights will be."""

import numpy as np
import pyarrow.parquet as pq

from rotoscope.pipeline.export.progress_file import chunk_weights, write_progress


def test_samples_count_by_how_progress_grows_over_the_chunk():
    grows, falls = np.linspace(0, 0.9, 10), np.linspace(0.9, 0, 10)
    stands = np.full(10, 0.5)
    found = chunk_weights([grows, falls, stands], 3)
    # The last row of an episode is compared with itself.
    assert (found.whole, found.none, found.part, found.unknown) == (9, 9, 12, 0)


def test_chunk_that_ends_where_nothing_is_known_is_not_known():
    progress = np.linspace(0, 0.9, 10)
    progress[4] = np.nan
    found = chunk_weights([progress], 3)
    assert (found.whole, found.unknown) == (7, 2)


def test_noise_below_a_thousandth_is_no_fall():
    tail = 1 - 1e-5 * np.arange(20)
    assert chunk_weights([tail], 5).none == 0


def test_file_counts_rows_through_all_episodes(tmp_path):
    progress = {7: np.array([0.0, 0.50004]), 3: np.array([np.nan, 1.0, 1.0])}
    write_progress(tmp_path / "p.parquet", [(7, 2), (3, 3)], progress)
    table = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert table["index"] == [0, 1, 2, 3, 4]
    assert table["episode_index"] == [7, 7, 3, 3, 3]
    assert table["frame_index"] == [0, 1, 0, 1, 2]
    np.testing.assert_allclose(table["progress_sparse"], [0, 0.5, np.nan, 1, 1])
