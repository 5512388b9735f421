"""Stretches of episodes as a dataset: rows, pictures, clock, statistics and facts go along."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_datasets import publish_videos

from benchmarks._small_dataset import FPS, read_code
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose, table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.added_columns import AddedColumn, statistics
from rotoscope.pipeline.export.pieces import Piece, write_pieces
from rotoscope.pipeline.export.stored_episode import FeatureFacts

MADE = {"tool": "a test"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return open_dataset(publish_videos(tmp_path_factory.mktemp("a") / "a", [0, 1, 2]))


def lengths(dataset):
    return [int(row["length"]) for row in dataset.table]


@pytest.fixture(scope="module")
def cut(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("cut") / "cut"
    whole = lengths(data)
    quality = AddedColumn(
        FeatureFacts(("q",), "float32", "s", "Which row of the whole."),
        {i: np.arange(n, dtype=np.float32)[:, None] for i, n in enumerate(whole)},
    )
    pieces = [Piece(2, 0, whole[2]), Piece(0, 3, 11), Piece(0, 15, 24)]
    write_pieces(data, pieces, {"label.quality.q": quality}, out, made=MADE)
    return open_dataset(out)


def test_rows_and_pictures_are_those_of_the_pieces(data, cut):
    places = [(0, 3), (0, 15), (2, 0)]
    assert lengths(cut) == [8, 9, lengths(data)[2]]
    for number, (episode, start) in enumerate(places):
        found, source = cut.episode(number), data.episode(episode)
        rows = slice(start, start + found.num_rows)
        for name in ("action", "observation.state", "label.valid", "label.reason"):
            np.testing.assert_array_equal(found.columns[name], source.columns[name][rows])
        codes = [read_code(image) for image in read_images(found, range(found.num_rows), FPS)]
        assert codes == [(episode, start + k) for k in range(found.num_rows)]
        assert found.columns["label.quality.q"].ravel().tolist() == [*range(rows.start, rows.stop)]


def test_the_doctor_finds_a_whole_dataset(cut):
    checks = diagnose(cut.root)
    wrong = [c for c in checks if c.verdict in ("WARN", "FAIL")]
    # Its videos hold more than is shown, which only curation may leave so.
    assert [c.name for c in wrong] == ["video clock"], table(checks)
    assert "holds 80 frames, its episodes 42 rows" in str(table(checks))


def test_lerobot_reads_it_with_its_own_pictures(cut):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    read = LeRobotDataset("me/cut", root=cut.root, video_backend="pyav")
    assert len(read) == 42
    item = read[8]  # first row of the second piece
    assert (int(item["episode_index"]), int(item["frame_index"])) == (1, 0)
    image = (255 * item["observation.images.front"].numpy().transpose(1, 2, 0)).round()
    assert read_code(image.astype(np.uint8)) == (0, 15)


def test_statistics_are_those_of_the_rows_that_are_left(cut):
    stats = json.loads((cut.root / "meta/stats.json").read_text())
    actions = np.concatenate([cut.episode(n).columns["action"] for n in range(3)])
    whole = statistics(actions)
    for key in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(stats["action"][key], whole[key], atol=1e-5)
    assert stats["action"]["count"] == [42]
    episodes = pq.read_table(cut.root / "meta/episodes").to_pylist()
    own = statistics(cut.episode(1).columns["action"])
    np.testing.assert_allclose(episodes[1]["stats/action/mean"], own["mean"], atol=1e-5)
    assert episodes[1]["stats/index/min"] == [8]
    assert episodes[1]["stats/observation.images.front/count"]


def test_facts_say_which_rows_of_which_episode_a_piece_is(data, cut):
    lines = [cut.episodes_meta[n] for n in range(3)]
    assert [line["source"]["rows_of_episode"] for line in lines] == [
        [0, 3, 11],
        [0, 15, 24],
        [2, 0, lengths(data)[2]],
    ]
    assert len({line["episode_id"] for line in lines}) == 3
    assert lines[0]["quality"]["rows"] == 8
    assert lines[0]["name"] == "video000.mp4"
    provenance = cut.rotoscope("provenance.json")
    assert provenance["made"] == [MADE]
    assert "3 episodes, 42 rows" in (cut.root / "README.md").read_text()


def test_a_dataset_of_another_tool_keeps_what_it_says_and_gains_what_is_new(data, tmp_path):
    theirs = tmp_path / "theirs"
    shutil.copytree(data.root, theirs)
    shutil.rmtree(theirs / "meta/rotoscope")
    info = json.loads((theirs / "meta/info.json").read_text())
    for name in ("label.source", "label.episode"):
        del info["features"][name]
    for facts in info["features"].values():
        facts.pop("rotoscope", None)
    (theirs / "meta/info.json").write_text(json.dumps(info))
    for file in (theirs / "data").rglob("*.parquet"):
        table_ = pq.read_table(file)
        pq.write_table(table_.drop_columns(["label.source", "label.episode"]), file)
    (theirs / "README.md").write_text("Mine.\n")
    out = tmp_path / "out"
    write_pieces(open_dataset(theirs), [Piece(1, 2, 9)], {}, out, made=MADE)
    found = open_dataset(out)
    assert lengths(found) == [7]
    assert (out / "README.md").read_text() == "Mine.\n"
    assert found.rotoscope("provenance.json") == {"made": [MADE]}
    codes = [read_code(image) for image in read_images(found.episode(0), range(7), FPS)]
    assert codes == [(1, k) for k in range(2, 9)]


@pytest.mark.parametrize(
    ("pieces", "match"),
    [
        ([], "no row of .* is left"),
        ([Piece(0, 0, 999)], r"no rows 0:999 of episode 0; it has 24 rows"),
        ([Piece(9, 0, 1)], r"no rows 0:1 of episode 9; it has 0 rows"),
        ([Piece(0, 0, 5), Piece(0, 4, 9)], r"two pieces share rows of episode 0: 0:5 and 4:9"),
    ],
)
def test_pieces_that_cannot_be_say_so(data, tmp_path, pieces, match):
    with pytest.raises(DatasetError, match=match):
        write_pieces(data, pieces, {}, tmp_path / "out", made=MADE)
    assert not (tmp_path / "out").exists()


def test_a_piece_has_a_row():
    with pytest.raises(DatasetError, match="rows 4:4 of episode 1 are none"):
        Piece(1, 4, 4)
