"""Training reads of a dataset in an object store what it uses, once, and is the same as here."""

import json
from pathlib import Path

import numpy as np
import pytest
from two_cameras import BOTH, FRONT, SIDE, publish_two
from typer.testing import CliRunner

from rotoscope import train
from rotoscope.cli.main import app
from rotoscope.models.training import frames
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, FileChangedError, RemoteError
from rotoscope.pipeline.remote.datasets import send_dataset
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.patience import Patience
from rotoscope.pipeline.remote.urls import place_of

SETTINGS = [f"camera={FRONT}", "inputs=[observation.state]", "image_size=16", "kind=ridge"]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return publish_two(tmp_path_factory.mktemp("two") / "ds", episodes=4, rows=40)


@pytest.fixture(autouse=True)
def own_frames(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "frames"))


@pytest.fixture
def url(s3, local):
    place = f"s3://{s3.bucket}/ds"
    send_dataset(local, place_of(place))
    s3.answered.clear()
    return place


def weights_of(folder):
    return (folder / "model.safetensors").read_bytes()


def size_of(folder, name):
    return sum(p.stat().st_size for p in (folder / name).rglob("*") if p.is_file())


def test_what_is_trained_is_the_same_and_only_the_named_camera_is_read_once(
    s3, url, local, tmp_path
):
    def run(data, name):
        given = [word for setting in SETTINGS for word in ("-o", setting)]
        out = tmp_path / name
        words = ["train", "inverse-dynamics", "--data", data, "--out", out, *given]
        done = CliRunner().invoke(app, list(map(str, words)))
        assert done.exit_code == 0, (done.output, done.exception)
        return out

    here, there = run(local, "here"), run(url, "there")
    assert weights_of(here) == weights_of(there)
    assert json.loads((here / "metrics.json").read_text()) == json.loads(
        (there / "metrics.json").read_text()
    )
    assert s3.num_bytes(f"videos/{SIDE}") == 0
    assert s3.num_bytes(f"/videos/{FRONT}") == size_of(local, f"videos/{FRONT}")
    assert s3.num_bytes("/data/") == size_of(local, "data")
    s3.answered.clear()
    assert weights_of(run(url, "again")) == weights_of(here)
    assert s3.num_bytes("/ds/") == 0


def test_policy_and_latent_actions_read_the_same_pictures(url, local, tmp_path):
    few = ["loop.num_steps=2", "loop.batch_size=8", "image_size=16"]
    for name, data in {"here": local, "there": url}.items():
        train.policy(data, out=tmp_path / name / "policy", overrides=[f"camera={FRONT}", *few])
        train.latent_action(data, out=tmp_path / name / "latent", overrides=[BOTH, *few])
    for what in ("policy", "latent"):
        assert weights_of(tmp_path / "here" / what) == weights_of(tmp_path / "there" / what)


def test_one_file_of_a_camera_is_on_disk_at_a_time(url, local, own_cache):
    dataset = open_dataset(url)
    first = dataset.existing_video(FRONT, 0)
    assert first.read_bytes() == (local / f"videos/{FRONT}/chunk-000/file-000.mp4").read_bytes()
    other = dataset.existing_video(SIDE, 0)
    assert first.is_file()
    assert dataset.existing_video(FRONT, 1) == first
    dataset.table[1][f"videos/{FRONT}/file_index"] = 7
    with pytest.raises(DatasetError, match=r"s3://.*file-007.mp4 is not there"):
        dataset.existing_video(FRONT, 1)
    assert [first.is_file(), other.is_file()] == [False, True]
    del dataset
    assert not list(own_cache.rglob("*.mp4"))


def test_video_that_is_replaced_meanwhile_ends_the_reading(url, local, s3, monkeypatch):
    asked = frames._dataset_key

    def replaced(*given):
        for path in (local / "videos" / FRONT).rglob("*.mp4"):
            name = path.relative_to(local).as_posix()
            store = s3_objects(s3.bucket)
            store.put(f"ds/{name}", path.read_bytes() + b"\0")
        return asked(*given)

    monkeypatch.setattr(frames, "_dataset_key", replaced)
    with pytest.raises(FileChangedError, match="changed between listing and reading"):
        read_labeled(place_path(url), camera=FRONT, image_size=16)


def test_half_a_dataset_is_none(url, s3):
    s3_objects(s3.bucket).delete(["ds/meta/info.json"])
    with pytest.raises(DatasetError, match=r"half a dataset, .* no meta/info.json"):
        read_labeled(place_path(url), inputs=["observation.state"])


def test_store_that_goes_away_after_the_tables_is_said(url, s3, monkeypatch):
    dataset = open_dataset(url)
    s3.fail = lambda method, path, number: "503"
    objects = s3_objects(s3.bucket)
    monkeypatch.setattr(objects, "patience", Patience(total_s=0.3, first_s=0.05))
    with pytest.raises(RemoteError, match=r"does not answer|503|SlowDown"):
        dataset.existing_video(FRONT, 0)


def test_frames_of_a_url_are_those_of_the_folder(url, local):
    def images(root):
        return np.concatenate(
            [e.images for e in read_labeled(root, camera=(SIDE, FRONT), image_size=16).episodes]
        )

    np.testing.assert_array_equal(images(place_path(url)), images(local))


def s3_objects(bucket):
    return open_objects(place_of(f"s3://{bucket}/ds"))


def place_path(url):
    """As commands hand it on: two slashes are one."""
    return Path(url)
