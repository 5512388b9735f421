"""Rows of several writers come into one ledger, whoever is killed."""

import pytest

from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.parts import Parts


@pytest.fixture
def parts(tmp_path):
    return Parts(tmp_path)


def names(rows):
    return [row.name for row in rows]


def test_each_row_is_told_once_as_soon_as_it_is_written(parts):
    one, other = parts.writer("s"), parts.writer("t")
    assert one.path != parts.writer("s").path
    one.append(Row("a", "done"))
    assert names(parts.new()) == ["a"]
    one.append(Row("b", "done"))
    other.append(Row("c", "failed"))
    assert sorted(names(parts.new())) == ["b", "c"]
    assert names(parts.new()) == []
    assert names(parts.rows_of("s")) == ["a", "b"]


def test_half_a_line_waits_for_its_other_half(parts):
    writer = parts.writer("s")
    writer.append(Row("a", "done"))
    whole = writer.path.read_bytes()
    writer.path.write_bytes(whole + whole[:20])
    assert names(parts.new()) == ["a"]
    writer.path.write_bytes(whole + whole)
    assert names(parts.new()) == ["a"]


def test_what_a_killed_run_was_told_is_put_on_record_by_the_next(parts, tmp_path):
    writer = parts.writer("s")
    writer.append(Row("a", "done", cpu_s=1.5))
    with writer.path.open("ab") as file:
        file.write(b'{"name": "torn')
    ledger = Ledger(tmp_path / "ledger.jsonl")
    Parts(tmp_path).collect(ledger)
    assert ledger.rows() == [Row("a", "done", cpu_s=1.5)]
    assert not parts.folder.exists()
    parts.collect(ledger)  # nothing there is no error


def test_shard_that_is_on_record_is_forgotten_and_no_other(parts):
    parts.writer("s").append(Row("a", "done"))
    parts.writer("t").append(Row("b", "done"))
    list(parts.new())
    parts.remove("s")
    assert names(parts.rows_of("t")) == ["b"]
    assert names(parts.rows_of("s")) == []
