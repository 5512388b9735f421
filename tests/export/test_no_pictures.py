"""Datasets of episodes that come from motion files: everything but images."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks._small_dataset import episode, job_for, store
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.publish import publish_in_child
from rotoscope.pipeline.export.schema import schema_of
from rotoscope.pipeline.export.stored_episode import open_episode, save_episode


def without_pictures(number, rows=40):
    made = episode(number, rows)
    made.features["track.point"].values[3:5] = np.nan
    return dataclasses.replace(made, scene={"robot": "two_link"})


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("episodes")
    return [save_episode(folder / str(n), without_pictures(n, 40 + n)) for n in range(3)]


@pytest.fixture(scope="module")
def dataset(stored, tmp_path_factory):
    out = tmp_path_factory.mktemp("published") / "dataset"
    result = publish_in_child(job_for(stored, out))
    assert result.rows == 40 + 41 + 42
    return out


def test_stored_episode_without_pictures_comes_back(stored):
    read = open_episode(stored[1].folder)
    assert read.video is None
    assert read.load().num_rows == 41
    assert not read.video_path.exists()


@pytest.fixture(scope="module")
def loaded(dataset):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("rotoscope/small", root=dataset)


def test_lerobot_reads_every_row(loaded, stored):
    assert loaded.meta.video_keys == []
    made = [s.load() for s in stored]
    actions = np.concatenate([m.action for m in made]).astype(np.float32)
    points = np.concatenate([m.features["track.point"].values for m in made])
    assert len(loaded) == len(actions)
    for index in range(len(loaded)):
        item = loaded[index]
        np.testing.assert_array_equal(item["action"], actions[index])
        np.testing.assert_array_equal(item["track.point"], points[index])
        assert not [name for name in item if name.startswith("observation.images")]


def test_policies_see_state_and_action_alone(loaded):
    from lerobot.utils.feature_utils import dataset_to_policy_features

    seen = dataset_to_policy_features(loaded.meta.features)
    assert set(seen) == {"observation.state", "action"}


def test_metadata_and_card_speak_of_no_images(dataset):
    info = json.loads((dataset / "meta" / "info.json").read_text())
    described = json.loads((dataset / "meta" / "rotoscope" / "features.json").read_text())
    assert described.keys() == info["features"].keys()
    assert info["video_path"] is None
    assert not (dataset / "videos").exists()
    card = (dataset / "README.md").read_text()
    assert "no images" in card
    assert "inferred from motion capture" in card
    assert "come from one camera" not in card


def test_doctor_fails_nothing_that_has_no_video_and_says_what_it_could_not_test(dataset):
    checks = {check.name: check for check in diagnose(dataset)}
    assert not [c for c in checks.values() if c.verdict == "FAIL"]
    for name, said in (("video clock", "no videos"), ("lag", "no video")):
        assert checks[name].verdict == "UNTESTED"
        assert said in checks[name].message


def test_reader_has_rows_but_no_images(dataset):
    rows = open_dataset(dataset).episode(1)
    assert rows.num_rows == 41
    assert rows.video_file is None
    with pytest.raises(DatasetError, match="episode 1 has no pictures"):
        next(read_images(rows, [0], 30))


def test_episodes_with_and_without_pictures_do_not_mix(stored, tmp_path):
    filmed = store(tmp_path / "filmed", 7, episode(7, rows=6))
    with pytest.raises(DatasetError, match=r"image size: .* has no images, .* has 96x64"):
        schema_of([stored[0], filmed], camera="front")


def test_writing_again_gives_the_same_bytes(stored, dataset, tmp_path):
    publish_in_child(job_for(stored, tmp_path / "again"))
    files = [p.relative_to(dataset) for p in sorted(dataset.rglob("*")) if p.is_file()]
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (dataset / file).read_bytes()
