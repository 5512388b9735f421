"""Videos of many episodes are joined once a file, in their order, and rotate as the writer says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotoscope.pipeline.export.joined_later import JoinedLater


@pytest.fixture
def joined(tmp_path, monkeypatch):
    """What joins text files, and how often it did."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    calls = []

    def join(entries, output):
        names = [entry.resolve() for entry in entries]
        assert all(name.startswith("file:") for name in names)
        text = "".join(Path(name.removeprefix("file:")).read_text() for name in names)
        output.write_text(text)
        calls.append(len(names))

    made = JoinedLater(join, lambda path: path.stat().st_size, tmp_path / "scratch")
    made.calls = calls
    return made


def episode(folder: Path, text: str) -> Path:
    path = folder / "episode.mp4"
    path.write_text(text)
    return path


def test_a_thousand_episodes_are_joined_once(joined, tmp_path):
    whole = tmp_path / "file-000.mp4"
    whole.write_text("0,")
    for number in range(1, 1000):
        added = episode(tmp_path, f"{number},")
        joined.join([whole, added], whole)
        assert not added.exists()
    assert joined.calls == []
    joined.finish()
    assert joined.calls == [1000]
    assert whole.read_text() == "".join(f"{number}," for number in range(1000))
    assert not list((tmp_path / "scratch").iterdir())


def test_what_waits_counts_where_the_writer_asks_for_a_files_size(joined, tmp_path):
    first, second = tmp_path / "file-000.mp4", tmp_path / "file-001.mp4"
    first.write_text("aaaa")
    second.write_text("b")
    joined.join([first, episode(tmp_path, "AA")], first)
    joined.join([first, episode(tmp_path, "A")], first)
    assert joined.size_mb(first) == 7
    assert joined.size_mb(second) == 1


def test_a_file_is_whole_when_the_next_one_is_begun(joined, tmp_path):
    first, second = tmp_path / "file-000.mp4", tmp_path / "file-001.mp4"
    first.write_text("a")
    second.write_text("b")
    joined.join([first, episode(tmp_path, "A")], first)
    joined.join([second, episode(tmp_path, "B")], second)
    assert first.read_text() == "aA"
    assert second.read_text() == "b"
    joined.finish()
    joined.finish()
    assert second.read_text() == "bB"
    assert joined.calls == [2, 2]
