"""`rotoscope store`: what it says and its exit codes."""

import pytest
from typer.testing import CliRunner

from rotoscope.pipeline.cli.main import app
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.store.store import RECORD, Store

KEYS = tuple(f"{number}a" * 32 for number in range(3))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for number, key in enumerate(KEYS):
        store.save_record(key, {"number": number})
    return store


def say(*arguments):
    return CliRunner().invoke(app, ["store", *map(str, arguments)])


def test_sound_store_is_counted_and_damage_is_exit_code_1(store):
    done = say("verify", "--store", store.root)
    assert done.exit_code == 0
    assert "3 record; 0 MB; 0 damaged" in done.output
    path = store.path(KEYS[1], RECORD)
    path.write_bytes(path.read_bytes()[:-2])
    done = say("verify", "--store", store.root)
    assert done.exit_code == 1
    assert f"damaged: {path}: its bytes are not those that were stored" in done.output


def test_prune_removes_damage_and_leftovers_and_keeps_the_rest(store):
    store.path(KEYS[1], RECORD).write_text("nothing")
    done = say("prune", "--store", store.root)
    assert "1 entries removed" in done.output
    assert store.load_record(KEYS[0]) == {"number": 0}
    assert store.load_record(KEYS[1]) is None


def test_prune_to_nothing_empties_the_store(store):
    assert "3 entries removed" in say("prune", "--store", store.root, "--max-gb", 0).output


def test_what_is_no_entry_is_neither_counted_nor_removed(store, tmp_path):
    others = [
        store.root / "go" / "thesis.txt",
        store.root / "0a" / "thesis.txt",
        store.root / "0a" / KEYS[1],
        store.root / "0a" / f"{KEYS[0]} (copy).record",
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert "3 record; 0 MB; 0 damaged" in say("verify", "--store", store.root).output
    assert "3 entries removed" in say("prune", "--store", store.root, "--max-gb", 0).output
    assert [path.read_text() for path in others] == ["mine"] * 4


def test_entries_of_earlier_versions_are_damage(store):
    old = store.root / "0a" / f"{KEYS[0]}.npz"
    old.write_text("of an earlier version")
    assert (
        f"damaged: {old}: not written by this version"
        in say("verify", "--store", store.root).output
    )
    assert "1 entries removed" in say("prune", "--store", store.root).output
    assert not old.exists()


def test_store_that_is_not_there_is_wrong_use(tmp_path):
    assert isinstance(say("verify", "--store", tmp_path / "no").exception, UsageError)
