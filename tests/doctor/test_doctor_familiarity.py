"""Episodes that a labeler did not know are named."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corruptions import EPISODES, expect, found, only

from rotoscope.cli.familiar import tell_unfamiliar


def say_familiarity(dataset, of_episode):
    """Writes `label.familiarity`: for each episode, the share of its rows that are strange."""
    path = only(dataset, "data/*/*.parquet")
    table = pq.read_table(path)
    episode = table["episode_index"].to_numpy()
    values = np.ones(len(episode), np.float32)
    for index, share in of_episode.items():
        rows = np.flatnonzero(episode == index)
        values[rows[: round(share * len(rows))]] = 0.1
    pq.write_table(table.append_column("label.familiarity", pa.array(values)), path)
    info = json.loads((dataset / "meta" / "info.json").read_text())
    facts = {"dtype": "float32", "shape": [1], "names": None}
    info["features"]["label.familiarity"] = facts
    (dataset / "meta" / "info.json").write_text(json.dumps(info))


def test_episodes_most_of_which_are_strange_are_named(dataset):
    say_familiarity(dataset, {0: 0.1, 1: 0.3, EPISODES - 1: 1.0})
    words = f"episode {EPISODES - 1}: 100 % of its rows are not like what this labeler was trained"
    expect(dataset, "familiarity", "WARN", words, "episode 1: 30 %")
    assert found(dataset, "familiarity").detail["strange_episodes"] == [1, EPISODES - 1]


def test_a_few_strange_rows_are_nothing_to_look_at(dataset):
    say_familiarity(dataset, {0: 0.2})
    expect(dataset, "familiarity", "PASS", "% of labeled rows are like what the labeler was")
    assert 0.9 < found(dataset, "familiarity").detail["familiar_share"] < 1


def test_without_a_learned_labeler_there_is_nothing_to_say(dataset):
    expect(dataset, "familiarity", "UNTESTED", "no label.familiarity")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_commands_say_so_where_it_matters(dataset, share, capsys):
    say_familiarity(dataset, {2: share})
    tell_unfamiliar(dataset)
    said = " ".join(capsys.readouterr().out.split())
    assert ("not like what this labeler was trained on" in said) == (share == 1.0)
    tell_unfamiliar(None)
