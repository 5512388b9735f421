"""Episodes taken out of datasets into others: rows, pictures, facts and statistics go along."""

import dataclasses
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_datasets import publish_videos

from benchmarks._small_dataset import FPS, read_code
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose, table
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.combine import write_selection


@pytest.fixture(scope="module")
def a(tmp_path_factory):
    return publish_videos(tmp_path_factory.mktemp("a") / "a", [0, 1, 2], license="CC-BY-4.0")


@pytest.fixture(scope="module")
def b(tmp_path_factory):
    return publish_videos(tmp_path_factory.mktemp("b") / "b", [7], provenance={"recipe": "two"})


def videos_shown(root):
    """Numbers of the videos whose frames each episode shows, told by the frames alone."""
    dataset = open_dataset(root)
    out = []
    for episode in map(dataset.episode, range(len(dataset))):
        rows = range(episode.num_rows)
        codes = [read_code(image) for image in read_images(episode, rows, FPS)]
        assert [row for _, row in codes] == list(rows)
        (number,) = {number for number, _ in codes}
        out.append(number)
    return out


def sound(root):
    checks = diagnose(root)
    assert not [c for c in checks if c.verdict in ("WARN", "FAIL")], table(checks)
    return {c.name: c for c in checks}


def test_merge_holds_the_frames_rows_and_facts_of_both(a, b, tmp_path):
    out = tmp_path / "merged"
    done = write_selection([(a, None), (b, None)], out, made_by="merge")
    assert done.episodes == 4
    assert videos_shown(out) == [0, 1, 2, 7]
    said = sound(out)["provenance"]
    assert set(said.detail["makers"].values()) == {"small", "two"}
    assert said.detail["licenses"] == {"CC-BY-4.0": 3, "not stated": 1}
    merged, first = open_dataset(out), open_dataset(a)
    for index in range(3):
        one, other = merged[index].columns, first[index].columns
        for name in ("action", "observation.state", "label.confidence", "track.point"):
            np.testing.assert_array_equal(one[name], other[name])
        assert one["label.source"][0] == other["label.source"][0]
    assert [row["name"] for row in merged.ledger()] == [f"video{n:03d}.mp4" for n in (0, 1, 2, 7)]
    assert "| CC-BY-4.0 |  |  | 3 |" in (out / "README.md").read_text()


@pytest.mark.slow
def test_some_episodes_in_another_order_keep_their_pictures_untouched(a, tmp_path):
    out = tmp_path / "some"
    write_selection([(a, [2, 1])], out, made_by="filter")
    assert videos_shown(out) == [2, 1]
    sound(out)
    before, after = open_dataset(a), open_dataset(out)
    for old, new in ((2, 0), (1, 1)):
        images = [
            list(read_images(d[i], range(d[i].num_rows), FPS))
            for d, i in ((before, old), (after, new))
        ]
        np.testing.assert_array_equal(*images)  # encoded again they would differ
    assert "recipe_digest" not in after.rotoscope("provenance.json")
    assert after.rotoscope("quality.json")["episodes"] == 2


@pytest.mark.slow
def test_taken_apart_and_put_together_again_is_the_same_data(a, tmp_path):
    for name, episodes in (("x", [0, 1]), ("y", [2])):
        write_selection([(a, episodes)], tmp_path / name, made_by="split")
    whole = tmp_path / "whole"
    write_selection([(tmp_path / "x", None), (tmp_path / "y", None)], whole, made_by="merge")
    one, other = (pq.read_table(next(root.glob("data/*/*.parquet"))) for root in (a, whole))
    assert one.equals(other)
    videos = [next(root.glob("videos/*/*/*.mp4")).read_bytes() for root in (a, whole)]
    assert videos[0] == videos[1]


@pytest.mark.slow
def test_episode_that_both_hold_is_taken_once(a, tmp_path):
    write_selection([(a, [0, 1]), (a, [1, 2])], tmp_path / "out", made_by="merge")
    assert videos_shown(tmp_path / "out") == [0, 1, 2]


@pytest.mark.slow
def test_column_that_only_one_has_is_empty_in_the_other(a, tmp_path):
    def with_weight(made):
        weight = Feature(np.ones((made.num_rows, 1), np.float32), ("kg",), "kg", "Weight.")
        return dataclasses.replace(made, features=made.features | {"track.weight": weight})

    other = publish_videos(tmp_path / "weighed", [5], change=with_weight)
    write_selection([(a, [0]), (other, None)], tmp_path / "out", made_by="merge")
    merged = open_dataset(tmp_path / "out")
    assert np.isnan(merged[0].columns["track.weight"]).all()
    assert (merged[1].columns["track.weight"] == 1).all()


@pytest.mark.slow
def test_contracts_that_differ_are_named_with_what_to_do(a, tmp_path):
    def other(made):
        return dataclasses.replace(
            made, contract=made.contract.model_copy(update={"shift_s": 2 / FPS})
        )

    strange = publish_videos(tmp_path / "strange", [5], change=other)
    with pytest.raises(DatasetError, match=r"differ in their action contract: shift_s is 0\.03.*l"
                       "abel the videos of one of them again"):  # fmt: skip
        write_selection([(a, None), (strange, None)], tmp_path / "out", made_by="merge")
    assert not (tmp_path / "out").exists()


def test_nothing_left_and_no_such_episode_are_errors(a, tmp_path):
    with pytest.raises(DatasetError, match="no episode is left"):
        write_selection([(a, [])], tmp_path / "out", made_by="filter")
    with pytest.raises(DatasetError, match="has no episode 9; it has 3, from 0 to 2"):
        write_selection([(a, [9])], tmp_path / "out", made_by="filter")


def test_column_that_cannot_be_carried_over_is_refused_by_name(a, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(a, copy)
    path = copy / "meta" / "info.json"
    info = json.loads(path.read_text())
    info["features"]["language_events"] = {"dtype": "language", "shape": [1], "names": None}
    path.write_text(json.dumps(info))
    with pytest.raises(DatasetError, match="'language_events' cannot be carried over"):
        write_selection([(copy, None)], tmp_path / "out", made_by="filter")
