"""Where episodes come from is known whoever edited the dataset, and can be written anew."""

import json
import shutil

import numpy as np
import pytest
from corruptions import change_episode_lines, change_json, change_rows, expect, found

from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.rebuild import rebuild


def sidecars(dataset):
    folder = dataset / "meta" / "rotoscope"
    names = ("contract.json", "features.json", "episodes.jsonl")
    return {name: (folder / name).read_bytes() for name in names}


def drop_what_tools_drop(dataset):
    shutil.rmtree(dataset / "meta" / "rotoscope")
    (dataset / "README.md").unlink()


def test_dropped_sidecars_are_found_in_the_columns_and_written_again(dataset):
    before = sidecars(dataset)
    drop_what_tools_drop(dataset)
    expect(dataset, "provenance", "WARN", "another tool dropped it", "--write")
    assert found(dataset, "contract").verdict == "PASS"
    assert open_dataset(dataset).rotoscope("features.json")["track.point"]["unit"] == "m"
    rebuild(dataset)
    assert sidecars(dataset) == before
    assert "| `track.point` | m |" in (dataset / "README.md").read_text()
    assert {c.verdict for c in diagnose(dataset)} == {"PASS", "UNTESTED"}


def test_users_words_in_the_card_stay_and_a_card_of_theirs_too(dataset):
    card = dataset / "README.md"
    card.write_text(card.read_text() + "my words\n")
    rebuild(dataset)
    assert card.read_text().endswith("my words\n")
    card.write_text("all mine\n")
    rebuild(dataset)
    assert card.read_text() == "all mine\n"
    assert (dataset / "README.rotoscope.md").is_file()


def test_dataset_of_another_tool_is_untested_and_cannot_be_written(foreign):
    expect(foreign, "provenance", "UNTESTED", "not labeled by Rotoscope")
    with pytest.raises(DatasetError, match="states no contract"):
        rebuild(foreign)


def test_episode_that_says_nothing_is_counted_and_named(dataset):
    change_rows(dataset, label__episode=lambda texts: np.full(len(texts), ""))
    shutil.rmtree(dataset / "meta" / "rotoscope")
    expect(dataset, "provenance", "UNTESTED", "nothing says where episodes come from")
    with pytest.raises(DatasetError, match=r"does not say where episode 0 comes from \(5 of 5"):
        rebuild(dataset)


def test_contracts_that_differ_are_found(dataset):
    def change(info):
        info["features"]["action"]["rotoscope"]["contract"]["shift_s"] = 1.0

    change_json(dataset, "info.json", change)
    expect(dataset, "provenance", "FAIL", "contracts of info.json and of meta/rotoscope differ")


def test_sidecar_of_other_episodes_is_found(dataset):
    change_episode_lines(dataset, lambda line: line.update(episode_id="another"))
    expect(dataset, "provenance", "FAIL", "episode 0 is another one in episodes.jsonl")


def test_damaged_text_is_a_sentence(dataset):
    change_rows(
        dataset, label__episode=lambda texts: np.where(texts == "", "", json.dumps({"source": 3}))
    )
    expect(dataset, "provenance", "FAIL", "episode 0: label.episode is damaged")
