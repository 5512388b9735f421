"""Rows come in an order that a step decides, and maps hold what memory would."""

import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.training import rows as training_rows
from rotoscope.models.training.maps import Joined, Spool, blocks_of, give_back
from rotoscope.models.training.rows import Feed, Rows, batch_rows


def epoch_of(num, size, seed, epoch=0):
    blocks = -(-num // training_rows._BLOCK_ROWS)
    steps = max(1, num // blocks // size) * blocks
    return [batch_rows(num, size, seed=seed, step=epoch * steps + s) for s in range(steps)]


def test_few_rows_come_in_one_permutation():
    import torch

    wanted = torch.randperm(40, generator=torch.Generator().manual_seed(3 * 1_000_003 + 1))
    found = np.concatenate(epoch_of(40, 8, seed=3, epoch=1))
    np.testing.assert_array_equal(found, wanted.numpy())


@given(num=st.integers(1, 400), size=st.integers(1, 16), seed=st.integers(0, 5))
def test_no_row_comes_twice_in_an_epoch(num, size, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_rows, "_BLOCK_ROWS", 50)
        seen = np.concatenate(epoch_of(num, size, seed))
        blocks = -(-num // 50)
    assert len(np.unique(seen)) == len(seen)
    assert seen.min() >= 0
    assert seen.max() < num
    # Of each block, less than a batch is left for another epoch.
    assert len(seen) > num - blocks * size - blocks


def test_batches_of_many_rows_are_spread_over_all_of_them(monkeypatch):
    monkeypatch.setattr(training_rows, "_BLOCK_ROWS", 1000)
    means = [batch.mean() for batch in epoch_of(5000, 25, seed=0)]
    assert np.std(means) == pytest.approx(5000 / np.sqrt(12 * 25), rel=0.25)
    again = [batch.mean() for batch in epoch_of(5000, 25, seed=0, epoch=1)]
    assert means != again


def test_spool_gives_back_what_was_added(tmp_path):
    parts = [np.random.default_rng(n).integers(0, 255, (n, 4, 3), np.uint8) for n in (3, 0, 5)]
    for spool in (Spool(np.uint8, (4, 3), path=tmp_path / "a"), Spool(np.uint8, (4, 3))):
        for part in parts:
            spool.add(part)
        whole = spool.whole()
        np.testing.assert_array_equal(whole, np.concatenate(parts))
        assert not whole.flags["W"]
    with pytest.raises(ValueError, match=r"rows have shape \(2,\), \(4, 3\) is wanted"):
        Spool(np.uint8, (4, 3)).add(np.zeros((1, 2)))


def test_rows_of_no_numbers_and_no_rows_have_their_shape():
    spool = Spool(np.float64, (0,))
    spool.add(np.zeros((7, 0)))
    assert spool.whole().shape == (7, 0)
    assert Spool(np.float64, (2,)).whole().shape == (0, 2)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.data())
def test_joined_arrays_are_their_concatenation(lengths, data):
    parts = [np.random.default_rng(n).normal(size=(n, 2)) for n in lengths]
    whole, joined = np.concatenate(parts), Joined(tuple(parts))
    assert len(joined) == len(whole)
    np.testing.assert_array_equal(joined[:], whole)
    np.testing.assert_array_equal(joined[::3], whole[::3])
    if len(whole):
        rows = np.array(data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12)), int)
        np.testing.assert_array_equal(joined[rows.reshape(-1, 1)], whole[rows.reshape(-1, 1)])


def resident_kib(array):
    """Kilobytes of a map that this process holds."""
    start, found = array.__array_interface__["data"][0], False
    with open("/proc/self/smaps") as lines:
        for line in lines:
            head = line.split()[0]
            if "-" in head and not head.endswith(":"):
                low, high = (int(part, 16) for part in head.split("-"))
                found = low <= start < high
            elif found and head == "Rss:":
                return int(line.split()[1])
    raise AssertionError("the map is not there")


def test_pages_that_were_read_are_given_back(tmp_path):
    spool = Spool(np.uint8, (1024,), path=tmp_path / "map")
    spool.add(np.ones((8192, 1024), np.uint8))
    whole = spool.whole()
    assert whole.sum() == 8192 * 1024
    assert resident_kib(whole) == 8192
    give_back(whole[100:200])
    assert resident_kib(whole) == 0
    assert sum(int(block.sum()) for block in blocks_of(whole)) == 8192 * 1024
    assert resident_kib(whole) < 8192


def test_what_was_written_to_a_private_map_is_kept(tmp_path):
    (tmp_path / "map").write_bytes(bytes(mmap.PAGESIZE))
    changed = np.memmap(tmp_path / "map", np.uint8, "c")
    changed[:] = 7
    give_back(changed)
    assert (changed == 7).all()


def test_feed_reads_one_step_ahead_and_no_further():
    import torch

    read = []

    def of(rows):
        read.append(rows.tolist())
        return {"rows": torch.from_numpy(rows)}

    feed = Feed(Rows(9, of), lambda step: np.array([step]), 3, torch.device("cpu"))
    assert [feed(step)["rows"].item() for step in range(3)] == [0, 1, 2]
    feed.close()
    assert read == [[0], [1], [2]]


def test_what_fails_while_reading_ahead_is_raised_at_its_step():
    import torch

    def of(rows):
        if rows[0] == 1:
            raise OSError("the disk is gone")
        return {"rows": torch.from_numpy(rows)}

    feed = Feed(Rows(9, of), lambda step: np.array([step]), 3, torch.device("cpu"))
    assert feed(0)["rows"].item() == 0
    with pytest.raises(OSError, match="the disk is gone"):
        feed(1)
    feed.close()
