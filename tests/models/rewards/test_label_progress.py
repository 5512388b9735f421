"""A dataset gains progress and rewards, and LeRobot reads them."""

import carried_datasets
import carried_paths
import numpy as np
import pyarrow.parquet as pq
import pytest

from rotoscope.models.rewards.label import ProgressRequest, label_progress, said_of
from rotoscope.models.rewards.seen import Seen
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.rewards.alignment import METHODS

CHUNK = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A demonstration, two that follow it, one that stops, one that leaves the thing alone."""
    episodes = [
        carried_paths.carried(60),
        carried_paths.carried(40, seed=1),
        carried_paths.carried(90, seed=2),
        carried_datasets.stopped(),
        carried_paths.empty_handed(55),
    ]
    return carried_datasets.publish(tmp_path_factory.mktemp("carried") / "data", episodes)


@pytest.fixture(scope="module")
def judged(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("judged") / "out"
    request = ProgressRequest(
        data, ("0",), out, methods=(*METHODS, "time_contrastive"), chunk_rows=CHUNK
    )
    said = []
    return label_progress(request, say=said.append), out, said


def columns(root, name):
    dataset = open_dataset(root)
    return [np.asarray(dataset.episode(row).columns[name], float).ravel() for row in range(5)]


def test_whole_episodes_are_done_and_others_are_not(judged):
    result, _, said = judged
    assert [one.is_done for one in result.judgments.values()] == [True, True, True, False, False]
    assert said[1] == "episode 1: done, progress 0.97 at the end"
    assert said[3].startswith("episode 3: not done: stops at 0.")
    assert "of 50 on" in said[3]
    stop = int(said[3].split("row ")[1].split()[0])
    assert abs(stop - 30) <= 2


def test_columns_hold_what_was_found_and_all_else_stays(judged, data):
    result, out, _ = judged
    for name, value in (("label.progress", "progress"), ("label.progress_sigma", "sigma")):
        for index, column in enumerate(columns(out, name)):
            np.testing.assert_allclose(column, getattr(result.judgments[index], value), atol=1e-6)
    dataset, before = open_dataset(out), open_dataset(data)
    for method in (*METHODS, "time_contrastive"):
        assert dataset.info["features"][f"label.reward.{method}"]["dtype"] == "float32"
    for name, values in before.episode(2).columns.items():
        if name in (
            "label.source",
            "label.episode",
        ):  # names the provenance, which says what was done
            continue
        np.testing.assert_array_equal(dataset.episode(2).columns[name], values)
    described = dataset.rotoscope("features.json")["label.progress"]
    assert described["unit"] == "1"
    made = dataset.rotoscope("provenance.json")["progress"][-1]
    assert made["demonstrations"][0]["episode"] == 0
    assert made["seen"]["columns"] == ["observation.state"]


@pytest.mark.parametrize("method", ["orca", "last_frame", "time_contrastive"])
def test_rewards_stand_higher_where_the_task_is_done(judged, method):
    rewards = [one.mean() for one in columns(judged[1], f"label.reward.{method}")]
    assert min(rewards[:3]) > max(rewards[3:])


def test_lerobot_reads_the_file_and_weighs_as_was_said(judged):
    from lerobot.rewards.sarm.rabc import RABCWeights

    result, out, _ = judged
    # Where LeRobot looks for it by itself.
    found = RABCWeights(out / "sarm_progress.parquet", chunk_size=CHUNK)
    deltas = np.array([found._compute_delta(row) for row in range(295)], np.float32)
    weights = found._compute_weights(deltas)
    told = result.weights
    assert (weights == 1).sum() == told.whole
    assert (deltas < 0).sum() == told.none
    assert (told.whole, told.unknown) == (np.isfinite(deltas).sum() - told.part - told.none, 0)
    growing = slice(60, 60 + 34)  # the second episode but for its last chunk
    assert weights[growing].mean() > 0.95
    assert weights[60 + 40 + 90 + 32 : 60 + 40 + 90 + 50].max() < 0.5  # where the fourth stands


def test_lerobots_own_training_takes_the_file_from_the_datasets_folder(judged):
    from types import SimpleNamespace

    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.utils.sample_weighting import SampleWeightingConfig, make_sample_weighter

    out = judged[1]
    policy = SimpleNamespace(config=SimpleNamespace(chunk_size=CHUNK))
    cpu = torch.device("cpu")
    weigher = make_sample_weighter(SampleWeightingConfig(), policy, cpu, dataset_root=str(out))
    rows = LeRobotDataset("a/b", root=out)
    batch = {"index": torch.stack([rows[i]["index"] for i in (70, 80, 230)])}
    weights, _ = weigher.compute_batch_weights(batch)
    assert weights[0] == pytest.approx(float(weights[1]))
    assert weights[0] > 2 * weights[2]
    assert rows[75]["label.progress"].item() > rows[70]["label.progress"].item()


def test_file_holds_a_line_for_every_row(judged):
    table = pq.read_table(judged[1] / "sarm_progress.parquet")
    assert table.column_names == ["index", "episode_index", "frame_index", "progress_sparse"]
    assert table["index"].to_pylist() == list(range(295))
    assert table["frame_index"].to_pylist()[60:62] == [0, 1]


def test_demonstrations_of_another_dataset_and_some_numbers_will_do(data, tmp_path):
    other = carried_datasets.publish(tmp_path / "demos", [carried_paths.carried(70)] * 2)
    request = ProgressRequest(
        data, (f"{other}#1",), tmp_path / "out", seen=Seen(("observation.state:thing.*",))
    )
    result = label_progress(request)
    assert result.demos == ("demos#1",)
    # The thing alone tells the one that is left alone from the others too.
    assert [one.is_done for one in result.judgments.values()] == [True, True, True, False, False]


@pytest.mark.slow
def test_pictures_alone_tell_what_is_done(tmp_path):
    episodes = [
        carried_paths.carried(60),
        carried_paths.carried(40, seed=1),
        carried_datasets.stopped(),
        carried_paths.empty_handed(55),
    ]
    data = carried_datasets.publish(tmp_path / "data", episodes, camera="front")
    seen = Seen(camera=carried_datasets.CAMERA)
    result = label_progress(ProgressRequest(data, ("0",), tmp_path / "out", seen=seen))
    assert [one.is_done for one in result.judgments.values()] == [True, True, False, False]


def test_same_request_gives_the_same_bytes_and_replaces_its_own(judged, data, tmp_path):
    request = ProgressRequest(data, ("0",), tmp_path / "out", methods=("time_contrastive",))
    label_progress(request)
    first = (tmp_path / "out/data/chunk-000/file-000.parquet").read_bytes()
    label_progress(request)
    assert (tmp_path / "out/data/chunk-000/file-000.parquet").read_bytes() == first


def test_episode_of_which_nothing_is_known_says_so(judged):
    import dataclasses

    one = judged[0].judgments[1]
    nothing = dataclasses.replace(one, progress=np.full(40, np.nan))
    assert said_of(nothing) == "not known: none of its features is known in any row"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"methods": ("orka",)}, UsageError, "unknown method 'orka'; valid ones are 'dtw', 'last"),
        ({"demos": ("9",)}, UsageError, "--demo 9: .* has no episode 9; it has 5"),
        ({"demos": ()}, UsageError, "no demonstration is named"),
        ({"demos": ("gone#0",)}, DatasetError, "gone"),
        ({"methods": ("vision_language",)}, UsageError, "vision_language needs --network"),
        ({"seen": Seen(("track.hand",))}, DatasetError, "has no column 'track.hand' of numbers"),
        ({"seen": Seen(("observation.state:foot.*",))}, DatasetError, "has no number 'foot"),
        ({"seen": Seen(camera="observation.images.x")}, DatasetError, "has no camera"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(data, tmp_path, change, error, message):
    wanted = {"data": data, "demos": ("0",), "out": tmp_path / "out"} | change
    with pytest.raises(error, match=message):
        label_progress(ProgressRequest(**wanted))
    assert not (tmp_path / "out").exists()


def test_dataset_of_other_numbers_is_refused(data, tmp_path):
    other = carried_datasets.publish(
        tmp_path / "demos", [carried_paths.carried(70)], names=("a.x", "a.y", "b.x", "b.y")
    )
    with pytest.raises(DatasetError, match="has other numbers than"):
        label_progress(ProgressRequest(data, (str(other),), tmp_path / "out"))


def test_somebody_elses_folder_is_left_alone(data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="was not written by rotoscope progress"):
        label_progress(ProgressRequest(data, ("0",), tmp_path / "out"))
