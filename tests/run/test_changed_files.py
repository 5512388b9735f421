"""A file is labeled under the hash of the bytes that were decoded, or not at all."""

import os
import threading
import time

import pytest
from lamp_runs import STAGES, digest, run_lamp, statuses, write_clip, write_recipe

from rotoscope.pipeline.errors import FileChangedError, NotAVideoError
from rotoscope.pipeline.files.identity import RACY_NS, check_unchanged, identify, sha256_file


def file_of(path, content=b"first"):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.write_bytes(b"other"),
        lambda p: p.write_bytes(b"first and more"),
        lambda p: os.replace(file_of(p.with_name("new"), b"other"), p),
        lambda p: (p.write_bytes(b"other"), os.utime(p, ns=(0, 0))),
        lambda p: p.unlink(),
    ],
    ids=["written to", "grown", "replaced", "old times", "gone"],
)
def test_other_bytes_are_noticed_after_reading(tmp_path, change):
    path = file_of(tmp_path / "a.mp4")
    identity = identify([path])
    check_unchanged(identity, [path], shown="a.mp4")
    change(path)
    with pytest.raises(FileChangedError, match=r"a\.mp4 changed while it was read \(.*\); wait"):
        check_unchanged(identity, [path], shown="a.mp4")
    assert not identity.holds([path])


def test_other_mode_or_name_is_no_change(tmp_path):
    path = file_of(tmp_path / "a.mp4")
    identity = identify([path])
    path.chmod(0o600)
    (tmp_path / "again.mp4").hardlink_to(path)
    check_unchanged(identity, [path], shown="a.mp4")


def test_state_stands_for_bytes_only_where_the_file_had_been_left_alone(tmp_path):
    path = file_of(tmp_path / "a.mp4")
    fresh = identify([path])
    assert not fresh.holds([path])  # it may be written to again within one tick of its times
    settled = type(fresh)(fresh.sha256, fresh.states, time.time_ns() + 2 * RACY_NS)
    assert settled.holds([path])
    assert not settled.holds([path, path])
    assert not settled.holds([tmp_path / "gone.mp4"])


def test_file_that_grows_while_it_is_hashed_is_refused(tmp_path):
    path = file_of(tmp_path / "a.mp4", b"x" * (3 << 20))

    def grow(num_bytes):
        with path.open("ab") as file:
            file.write(b"y")

    with pytest.raises(FileChangedError, match=r"3,145,728 bytes, then "):
        identify([path], progress=grow)


def test_hash_names_what_is_no_file(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(NotAVideoError, match="is empty"):
        sha256_file(tmp_path / "empty")


def test_video_that_was_replaced_between_runs_is_labeled_anew(tmp_path):
    clip = write_clip(tmp_path / "videos" / "a.mp4", seed=1)
    first = run_lamp(tmp_path).rows[0]
    times = os.stat(clip)
    write_clip(tmp_path / "videos" / "a.mp4", seed=2)
    os.utime(clip, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = run_lamp(tmp_path).rows[0]
    assert second.sha256 == sha256_file(clip) != first.sha256
    assert set(second.episodes).isdisjoint(first.episodes)


def test_video_replaced_while_it_is_decoded_gives_a_row_and_stores_nothing(tmp_path):
    clip = write_clip(tmp_path / "videos" / "a.mp4", seed=1)
    old, new = clip.read_bytes(), write_clip(tmp_path / "new.mp4", seed=2)
    replaced = []

    def listen(event):
        if event.kind == "probed" and event.total and not replaced:
            replaced.append(os.replace(new, clip))

    # The stage waits at a frame, long enough for the file to be replaced under it.
    result = run_lamp(tmp_path, "bright.misbehave=wait", listener=listen)
    assert replaced
    assert statuses(result) == {"a.mp4": "failed"}
    assert result.rows[0].error == "FileChangedError"
    assert "run the same command again" in result.rows[0].message
    right = run_lamp(tmp_path)
    clip.write_bytes(old)
    assert run_lamp(tmp_path).rows[0].episodes != right.rows[0].episodes


@pytest.mark.parametrize(("away", "back"), [("begin", "finish"), ("finish", "")])
def test_video_that_is_back_before_the_end_is_not_labeled_by_the_other(tmp_path, away, back):
    clip = write_clip(tmp_path / "videos" / "a.mp4", seed=1)
    other = write_clip(tmp_path / "other.mp4", seed=2)
    aside = tmp_path / "aside.mp4"
    lines = {
        away: f"os.rename({str(clip)!r}, {str(aside)!r}); os.link({str(other)!r}, {str(clip)!r})"
    }
    if back:
        lines[back] = f"os.replace({str(aside)!r}, {str(clip)!r})"
    own = tmp_path / "own.py"
    own.write_text(
        "import os\nfrom rotoscope.pipeline.registry import stage_class\n"
        f"class Swap(stage_class({STAGES[0].split()[0]!r}, allow_code=True)):\n"
        f"    def begin(self, video):\n        {lines.get('begin', 'pass')}\n"
        "        super().begin(video)\n"
        f"    def finish(self, time_s):\n        {lines.get('finish', 'pass')}\n"
        "        return super().finish(time_s)\n"
    )
    write_recipe(tmp_path / "lamp.yaml", [f"{own}:Swap as bright", *STAGES[1:]])
    (row,) = run_lamp(tmp_path).rows
    assert (row.status, row.error) == ("failed", "FileChangedError")


def test_link_to_terabytes_of_nothing_costs_one_row_and_no_time(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4")
    endless = tmp_path / "videos" / "0.mp4"
    with endless.open("wb") as file:
        try:
            file.truncate(8 << 40)
        except OSError:
            file.truncate(1 << 40)
    began_s = time.process_time()
    result = run_lamp(tmp_path)
    assert statuses(result) == {"0.mp4": "failed", "a.mp4": "done"}
    assert result.rows[0].error == "NotAVideoError"
    assert time.process_time() - began_s < 60


def test_same_bytes_under_two_names_are_one_and_the_first_name_counts(tmp_path):
    clip = write_clip(tmp_path / "videos" / "m.mp4")
    assert statuses(run_lamp(tmp_path)) == {"m.mp4": "done"}
    (tmp_path / "videos" / "a.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "videos" / "z.mp4").write_bytes(clip.read_bytes())
    result = run_lamp(tmp_path, workers=2)
    assert statuses(result) == {"a.mp4": "done", "m.mp4": "duplicate", "z.mp4": "duplicate"}
    (tmp_path / "videos" / "a.mp4").unlink()
    assert statuses(run_lamp(tmp_path)) == {"m.mp4": "done", "z.mp4": "duplicate"}


def test_stop_keeps_what_is_finished(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / "videos" / name, seed=ord(name[0]))
    stop = threading.Event()
    result = run_lamp(tmp_path, stop=stop, listener=lambda e: e.kind == "finished" and stop.set())
    assert result.dataset is None
    assert "done" in statuses(result).values()


def test_which_copy_counts_depends_on_names_alone(tmp_path):
    clip = write_clip(tmp_path / "videos" / "m.mp4").read_bytes()
    time.sleep(RACY_NS / 1e9 + 0.1)  # from then on the ledger's hash is trusted
    run_lamp(tmp_path)
    for name in ("a.mp4", "z.mp4"):
        (tmp_path / "videos" / name).write_bytes(clip)
    grown = run_lamp(tmp_path)
    fresh = run_lamp(tmp_path, out=tmp_path / "fresh", store=tmp_path / "fresh store")
    assert statuses(fresh) == {"a.mp4": "done", "m.mp4": "duplicate", "z.mp4": "duplicate"}
    assert [row.message for row in grown.rows] == [row.message for row in fresh.rows]
    grown_files, fresh_files = digest(tmp_path / "out"), digest(tmp_path / "fresh")
    # The ledger says which videos were added later, the key of the dataset stands for that.
    history = {f"meta/rotoscope/{n}" for n in ("ledger.jsonl", "manifest.json", "provenance.json")}
    assert {n for n in fresh_files if grown_files[n] != fresh_files[n]} == history


def test_second_run_says_of_copies_what_the_first_said_and_writes_nothing_down(tmp_path):
    clip = write_clip(tmp_path / "videos" / "a.mp4").read_bytes()
    (tmp_path / "videos" / "b.mp4").write_bytes(clip)
    time.sleep(RACY_NS / 1e9 + 0.1)  # from then on the ledger's hashes are trusted
    run_lamp(tmp_path)
    ledger = tmp_path / "out.rotoscope" / "ledger.jsonl"
    before, heard = ledger.read_bytes(), []
    run_lamp(tmp_path, listener=heard.append)
    said = {e.name: e.row.status for e in heard if e.kind == "finished"}
    assert said == {"a.mp4": "done", "b.mp4": "duplicate"}
    assert ledger.read_bytes() == before
