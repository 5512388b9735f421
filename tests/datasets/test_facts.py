"""Facts of episodes as texts, and back; what is missing or damaged is said."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rotoscope.pipeline.datasets.facts import (
    EPISODE,
    SOURCE,
    contract_in,
    facts_of,
    read_facts,
)
from rotoscope.pipeline.datasets.said import joined_provenance
from rotoscope.pipeline.errors import DatasetError

LINE = {
    "episode_id": "ab-0-right-000",
    "name": 'cup "1"\u00e9.mp4',
    "source": {"video_sha256": "ab", "license": "MIT", "credit": "A. Person", "subject": "right"},
    "quality": {"valid_share": 0.5},
    "scene": {"robot": "panda"},
    "length": 3,
}


def written(path, texts):
    rows = [(i, text) for i, text in enumerate(texts) for text in (text, "")]
    columns = {"episode_index": [i for i, _ in rows], EPISODE: [t for _, t in rows]}
    pq.write_table(pa.table(columns), path)
    return path


def test_facts_read_back_as_they_were_written(tmp_path):
    facts = [facts_of(LINE, {"recipe": name, "dataset_key": "k"}) for name in "xy"]
    file = written(tmp_path / "f.parquet", [f.texts()[EPISODE] for f in facts])
    assert read_facts([file], {EPISODE: {}}) == dict(enumerate(facts))
    assert facts[0].digest != facts[1].digest
    # The length is the table's to say, and the key is about the whole dataset.
    assert "length" not in facts[0].line
    assert "dataset_key" not in facts[0].provenance


def test_short_text_names_video_license_and_maker():
    facts = facts_of(LINE, {"recipe": "x"})
    said = json.loads(facts.texts()[SOURCE])
    assert said == {
        "video": LINE["name"],
        "license": "MIT",
        "credit": "A. Person",
        "provenance": facts.digest,
    }


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"source": {"first_frame": -1}}', '{"scene": 3}', '{"provenance": []}'],
)
def test_damaged_text_is_one_sentence(tmp_path, text):
    file = written(tmp_path / "f.parquet", [text])
    with pytest.raises(DatasetError, match=r"episode 0: label\.episode"):
        read_facts([file], {EPISODE: {}})


def test_dataset_without_the_column_has_no_facts(tmp_path):
    assert read_facts([tmp_path / "not there"], {}) == {}


def test_damaged_contract_in_info_is_refused():
    assert contract_in({"action": {"dtype": "float32"}}, "action") is None
    with pytest.raises(DatasetError, match="the contract of action is damaged"):
        contract_in({"action": {"rotoscope": {"contract": {"robot": 3}}}}, "action")


def test_makers_that_differ_are_all_named():
    facts = [facts_of(LINE, {"recipe": r, "rotoscope": "1", "packages": {}}) for r in ("x", "y")]
    joined = joined_provenance(dict(enumerate(facts)))
    assert (joined["recipe"], joined["packages"]) == ("x + y", {})
    assert {one["recipe"] for one in joined["parts"].values()} == {"x", "y"}
    assert joined_provenance({0: facts[0]}) == facts[0].provenance
