"""Rows of frames: as many as were appended, none twice in memory."""

from __future__ import annotations

import numpy as np
import pytest

from rotoscope.pipeline.video.frame_rows import BLOCK, FrameRows


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, 2 * BLOCK + 3])
def test_rows_come_back_in_order(count):
    rows, given = FrameRows(), np.arange(count * 6, dtype=np.float32).reshape(count, 3, 2)
    for row in given:
        rows.append(row)
    assert len(rows) == count
    joined = rows.joined()
    assert joined.dtype == np.float32
    np.testing.assert_array_equal(joined, given)
    assert len(rows) == 0


def test_a_row_is_copied():
    rows, row = FrameRows(), np.zeros(2)
    rows.append(row)
    row[:] = 1
    assert rows.joined().sum() == 0


def test_rows_that_nobody_appended_have_no_shape():
    with pytest.raises(ValueError, match="no row was appended"):
        FrameRows().joined()


def test_a_row_of_another_shape_is_refused():
    rows = FrameRows()
    rows.append(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="could not broadcast"):
        rows.append(np.zeros((5, 2)))
