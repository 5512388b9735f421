"""The report of a dataset that nobody labeled, and of damaged ones."""

import json
import shutil

import pytest
from corruptions import change_json, change_rows, only, without_facts

from benchmarks._small_dataset import publish_small
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.report.page import write_report


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    out = tmp_path_factory.mktemp("clean") / "dataset"
    publish_small(out, episodes=2, rows=20)
    return out


@pytest.fixture
def dataset(clean, tmp_path):
    shutil.copytree(clean, tmp_path / "dataset")
    return tmp_path / "dataset"


def page_of(dataset):
    write_report(dataset, dataset.with_name("page.html"))
    return dataset.with_name("page.html").read_text()


def without(dataset, *names):
    import pyarrow.parquet as pq

    path = only(dataset, "data/*/*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(list(names)), path)

    def drop(info):
        for name in names:
            del info["features"][name]

    change_json(dataset, "info.json", drop)


def test_page_without_validity_says_nothing_of_it(dataset):
    shutil.rmtree(dataset / "meta" / "rotoscope")
    without_facts(dataset)
    labels = [n for n in open_dataset(dataset).info["features"] if n.startswith("label.")]
    without(dataset, *labels)
    page = page_of(dataset)
    assert "</b>valid</div>" not in page
    assert "Timeline</h3>" not in page
    assert "arm_joint1.pos" in page
    assert page.count("data:image/jpeg;base64,") == 2


def test_page_without_actions_shows_the_pictures(dataset):
    shutil.rmtree(dataset / "meta" / "rotoscope")
    without(dataset, "action")
    page = page_of(dataset)
    assert "The dataset holds no actions." in page
    assert page.count("data:image/jpeg;base64,") == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rotoscope/contract.json", "{}", "contract.json is damaged"),
        ("rotoscope/contract.json", "[]", "contract.json must be a mapping"),
        ("rotoscope/provenance.json", '{"packages": 5}', "provenance.json is damaged"),
        ("rotoscope/episodes.jsonl", "{}", "episodes.jsonl, line 1 is damaged"),
        ("rotoscope/episodes.jsonl", '{"episode_index": 0, "scene": {"K": 5}}', "scene.K"),
        ("rotoscope/ledger.jsonl", "5", "ledger.jsonl, line 1 is damaged"),
        ("info.json", "{", "info.json is not valid JSON"),
    ],
)
def test_damaged_metadata_is_one_sentence(dataset, name, text, words):
    (dataset / "meta" / name).write_text(text)
    with pytest.raises(DatasetError, match=words):
        page_of(dataset)


def test_reason_that_means_nothing_is_one_sentence(dataset):
    change_rows(dataset, label__reason=lambda values: values + 77)
    with pytest.raises(DatasetError, match=r"label\.reason reaches from 77"):
        page_of(dataset)


def test_column_of_another_size_is_one_sentence(dataset):
    def grow(info):
        info["features"]["track.hand.joints"] = {"dtype": "float32", "shape": [4], "names": None}

    change_json(dataset, "info.json", grow)
    with pytest.raises(DatasetError, match=r"track.hand.joints has shape \[4\], 63 numbers"):
        page_of(dataset)


def test_picture_of_another_size_than_stated_is_one_sentence(dataset):
    def shrink(info):
        info["features"]["observation.images.front"]["shape"] = [8, 8, 3]

    change_json(dataset, "info.json", shrink)
    (dataset / "meta" / "rotoscope" / "episodes.jsonl").unlink()
    with pytest.raises(DatasetError, match=r"is 96x64, info.json says \(8, 8\)"):
        page_of(dataset)


def test_video_that_ends_too_early_is_one_sentence(dataset):
    video = only(dataset, "videos/*/*/*.mp4")
    video.write_bytes(b"no video at all")
    opened = open_dataset(dataset)
    with pytest.raises(DatasetError, match=r"file-000\.mp4 cannot be decoded"):
        list(read_images(opened.episode(0), [0], opened.fps))


def test_rate_may_be_a_fraction(dataset):
    change_json(dataset, "info.json", lambda info: info.update(fps=29.97))
    assert open_dataset(dataset).fps == 29.97
    assert "29.97 rows per second" in page_of(dataset)
    assert json.loads((dataset / "meta" / "info.json").read_text())["fps"] == 29.97
