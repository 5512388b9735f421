"""`rotoscope store`: what it says and its exit codes."""

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.errors import UsageError
from pipeline.run.store import RECORD, Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for number in range(3):
        store.save_record(f"{number}{number}ab", {"number": number})
    return store


def say(*arguments):
    return CliRunner().invoke(app, ["store", *map(str, arguments)])


def test_sound_store_is_counted_and_damage_is_exit_code_1(store):
    done = say("verify", "--store", store.root)
    assert done.exit_code == 0
    assert "3 record; 0 MB; 0 damaged" in done.output
    path = store.path("11ab", RECORD)
    path.write_bytes(path.read_bytes()[:-2])
    done = say("verify", "--store", store.root)
    assert done.exit_code == 1
    assert f"damaged: {path}: its bytes are not those that were stored" in done.output


def test_prune_removes_damage_and_leftovers_and_keeps_the_rest(store):
    store.path("11ab", RECORD).write_text("nothing")
    done = say("prune", "--store", store.root)
    assert "1 entries removed" in done.output
    assert store.load_record("00ab") == {"number": 0}
    assert store.load_record("11ab") is None


def test_prune_to_nothing_empties_the_store(store):
    assert "3 entries removed" in say("prune", "--store", store.root, "--max-gb", 0).output


def test_store_that_is_not_there_is_wrong_use(tmp_path):
    assert isinstance(say("verify", "--store", tmp_path / "no").exception, UsageError)
