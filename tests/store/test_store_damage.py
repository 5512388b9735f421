"""Whatever happens to an entry of the store, the same command makes it whole again."""

import os
import shutil

import pytest
from lamp_runs import digest, run_lamp, statuses, write_clip

from rotoscope.pipeline.errors import StoreError, UsageError
from rotoscope.pipeline.store.care import prune, verify
from rotoscope.pipeline.store.seal import SEAL
from rotoscope.pipeline.store.store import EPISODE, RECORD, TRACKS, Store


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def files_of(entry):
    return [f for f in sorted(entry.rglob("*")) if f.is_file()] if entry.is_dir() else [entry]


def as_text(entry, change):
    for file in files_of(entry):
        file.write_bytes(change(file.read_bytes()))


def swap_with_folder(entry):
    if entry.is_dir():
        shutil.rmtree(entry)
        entry.write_text("a file")
    else:
        entry.unlink()
        entry.mkdir()
        (entry / "x").write_text("in a folder")


def swap_with_link(entry, target):
    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    entry.symlink_to(target)


def swap_with_pipe(entry):
    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    os.mkfifo(entry)


def put_another_in_its_place(entry):
    kin = [p for p in entry.parent.parent.glob(f"*/*{entry.suffix}") if p != entry]
    kin = [p for p in kin if (p.is_dir() if entry.is_dir() else p.is_file())]
    if entry.is_dir():
        shutil.rmtree(entry)
        shutil.copytree(kin[0], entry)
    else:
        shutil.copyfile(kin[0], entry)


DAMAGE = {
    "first byte": lambda e: [flip(f, 0) for f in files_of(e)],
    "middle byte": lambda e: [flip(f, len(f.read_bytes()) // 2) for f in files_of(e)],
    "last byte": lambda e: flip(files_of(e)[-1], -1),
    "cut short": lambda e: as_text(e, lambda b: b[: len(b) // 2]),
    "empty": lambda e: as_text(e, lambda b: b""),
    "longer": lambda e: as_text(e, lambda b: b + b"\0"),
    "zeros": lambda e: as_text(e, lambda b: bytes(len(b))),
    "another version": lambda e: as_text(
        e, lambda b: b.replace(b" 2 ", b" 3 ", 1).replace(b'"format": 2', b'"format": 3', 1)
    ),
    "no seal": lambda e: as_text(e, lambda b: b.partition(b"\n")[2]),
    "unknown keys": lambda e: as_text(e, lambda b: b.replace(b"{", b'{"new": 1, ', 1)),
    "another entry": put_another_in_its_place,
    "wrong kind": swap_with_folder,
    "link to nowhere": lambda e: swap_with_link(e, "nowhere"),
    "link to a system file": lambda e: swap_with_link(e, "/etc/hostname"),
    "named pipe": swap_with_pipe,
    "gone": lambda e: shutil.rmtree(e) if e.is_dir() else e.unlink(),
    "may not be read": lambda e: [f.chmod(0) for f in files_of(e)],
}


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """A run that nothing happened to, one video for each kind of damage."""
    folder = tmp_path_factory.mktemp("right")
    for number in range(len(DAMAGE)):
        write_clip(folder / "videos" / f"{number:02d}.mp4", frames=40 + number)
    result = run_lamp(folder)
    assert set(statuses(result).values()) == {"done"}
    return folder


@pytest.fixture
def copied(right, tmp_path):
    shutil.copytree(right / "store", tmp_path / "store")
    shutil.copyfile(right / "lamp.yaml", tmp_path / "lamp.yaml")
    return tmp_path


@pytest.mark.parametrize("kind", [TRACKS, RECORD, EPISODE], ids=["tracks", "record", "episode"])
def test_every_damage_of_an_entry_is_healed_by_the_same_command(right, copied, kind):
    entries = sorted(p for p in (copied / "store").glob("*/*") if p.suffix == kind)
    harmed = dict.fromkeys(DAMAGE, 0)
    for number, entry in enumerate(entries):
        name = list(DAMAGE)[number % len(DAMAGE)]
        DAMAGE[name](entry)
        harmed[name] += 1
    assert all(harmed.values())
    found = [e for e in verify(copied / "store") if e.damage]
    unseen = harmed["gone"] + (harmed["may not be read"] if os.geteuid() == 0 else 0)
    # A named pipe and whatever is of another kind lie there and are no sound entries either.
    assert len(found) == len(entries) - unseen
    result = run_lamp(copied, videos=right / "videos")
    assert set(statuses(result).values()) == {"done"}
    assert not result.publish_error
    assert digest(copied / "out") == digest(right / "out")


@pytest.mark.parametrize("kind", [TRACKS, RECORD, EPISODE], ids=["tracks", "record", "episode"])
def test_no_damage_is_taken_for_the_entry(right, copied, kind):
    store = Store(copied / "store")
    load = {TRACKS: store.load_tracks, RECORD: store.load_record}.get(
        kind, lambda key: store.has_episode(key) or None
    )
    entries = sorted(p for p in (copied / "store").glob("*/*") if p.suffix == kind)
    for entry, (name, damage) in zip(entries, DAMAGE.items(), strict=False):
        assert load(entry.stem if kind else entry.name) is not None
        damage(entry)
        if name != "may not be read" or os.geteuid() != 0:
            assert load(entry.stem if kind else entry.name) is None, name


@pytest.mark.parametrize("what", ["file", "link"])
def test_folder_of_entries_that_is_none_is_made_again(right, copied, what):
    for folder in [p for p in (copied / "store").iterdir() if p.is_dir()]:
        shutil.rmtree(folder)
        folder.write_text("") if what == "file" else folder.symlink_to("nowhere")
    result = run_lamp(copied, videos=right / "videos", limit=2)
    assert set(statuses(result).values()) == {"done"}
    assert result.dataset == copied / "out"


def test_store_that_is_no_folder_is_refused_before_the_first_video(right, tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(UsageError, match=r"results cannot be kept in .*File exists; name a folder"):
        run_lamp(tmp_path, videos=right / "videos")


def test_store_that_becomes_a_file_is_a_row_with_a_sentence(tmp_path):
    (tmp_path / "s").write_text("a file")
    with pytest.raises(StoreError, match="give a folder that can with --store"):
        Store(tmp_path / "s").save_record("00ab", {})


def test_verify_names_what_is_damaged_and_prune_removes_it(copied):
    tmp_path = copied
    sound = list(verify(tmp_path / "store"))
    assert {e.kind for e in sound} == {"tracks", "record", "episode"}
    assert not any(e.damage for e in sound)
    episode = next(e.path for e in sound if e.kind == "episode")
    flip(episode / "video.mp4", 100)
    (damaged,) = (e for e in verify(tmp_path / "store") if e.damage)
    assert damaged.path == episode
    assert "the bytes of video.mp4" in damaged.damage
    assert [e.path for e in prune(tmp_path / "store").removed] == [episode]
    assert not episode.exists()
    with pytest.raises(UsageError, match="there is no store at"):
        list(verify(tmp_path / "nowhere"))


def test_prune_removes_what_was_not_used_for_longest(copied):
    tmp_path = copied
    store, entries = Store(tmp_path / "store"), list(verify(tmp_path / "store"))
    for number, entry in enumerate(entries):
        stamped = entry.path / SEAL if entry.path.is_dir() else entry.path
        os.utime(stamped, (number, number))
    oldest = entries[0].path
    total = sum(e.num_bytes for e in entries)
    done = prune(tmp_path / "store", max_bytes=total - 1)
    assert [e.path for e in done.removed] == [oldest]
    assert done.kept_bytes == total - entries[0].num_bytes
    # What a run looks up counts as used from then on.
    tracks = next(e for e in entries[1:] if e.kind == "tracks")
    assert store.load_tracks(tracks.path.stem) is not None
    left = prune(tmp_path / "store", max_age_days=1)
    assert tracks.path.exists()
    assert len(left.removed) == len(entries) - 2


def test_prune_of_a_folder_that_is_no_store_removes_nothing(tmp_path):
    mine = [tmp_path / name for name in ("ab/mine.txt", "cd/papers/1.pdf", "ef/e")]
    mine += [tmp_path / "ab" / ("cd" + "0" * 62)]  # a key, but in another's folder
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert not prune(tmp_path, max_age_days=0, max_bytes=0).removed
    assert all(path.read_text() == "mine" for path in mine)
