"""Datasets that would teach wrong actions are refused before any training."""

import json
from dataclasses import replace

import numpy as np
import point_mass
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corruptions import without_facts

from benchmarks._small_dataset import FPS, publish_small
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import ContractError, DatasetError

CAMERA = "observation.images.front"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    out = tmp_path_factory.mktemp("labeled") / "dataset"
    publish_small(out, episodes=3, rows=30)
    return out


@pytest.fixture
def spoilt(published, tmp_path):
    """A copy that a test may spoil."""
    import shutil

    return shutil.copytree(published, tmp_path / "dataset")


def edit_info(root, change):
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def edit_column(root, name, change):
    for path in (root / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        column = change(np.array(table[name].to_pylist()))
        index = table.column_names.index(name)
        typed = pa.array(column.tolist(), table.schema.field(name).type)
        pq.write_table(table.set_column(index, table.schema.field(name), typed), path)


def test_states_actions_and_pictures_come_out_row_by_row(published):
    data = read_labeled(
        published, inputs=["observation.state", "track.point"], camera=CAMERA, image_size=24
    )
    assert data.input_sizes == (3, 3)
    assert data.contract.robot == "two_link"
    first = data.episodes[0]
    assert first.features.shape == (30, 6)
    assert first.images.shape == (30, 24, 24, 3)
    np.testing.assert_allclose(first.features[1:, :3], first.actions[:-1], atol=1e-5)
    assert first.valid.sum() == 27
    assert data.digest() == data.digest()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": ["track.nose"]}, "no feature 'track.nose'.*'track.point'"),
        ({"camera": "observation.images.wrist"}, "no camera 'observation.images.wrist'.*'obs"),
    ],
)
def test_feature_or_camera_that_is_not_there_is_named(published, options, message):
    with pytest.raises(DatasetError, match=message):
        read_labeled(published, **options)


def test_wrong_fps_is_refused(spoilt):
    edit_info(spoilt, lambda info: info.update(fps=15))
    (spoilt / "meta" / "rotoscope" / "contract.json").unlink()
    without_facts(spoilt)
    with pytest.raises(DatasetError, match="fps or the time stamps are wrong"):
        read_labeled(spoilt, inputs=["observation.state"])


def test_contract_of_another_rate_is_refused(spoilt):
    edit_info(spoilt, lambda info: info.update(fps=15))
    with pytest.raises(DatasetError, match="fps 15, the contract 30 actions a second"):
        read_labeled(spoilt, inputs=["observation.state"])


def test_clock_that_disagrees_with_the_video_is_refused(spoilt):
    for path in (spoilt / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(path)
        name = f"videos/{CAMERA}/to_timestamp"
        index = table.column_names.index(name)
        longer = pa.array([v + 0.5 for v in table[name].to_pylist()], table.schema.field(name).type)
        pq.write_table(table.set_column(index, name, longer), path)
    with pytest.raises(DatasetError, match="clocks of table and video disagree"):
        read_labeled(spoilt, camera=CAMERA)


def test_video_of_another_rate_is_refused(spoilt):
    edit_info(spoilt, lambda info: info.update(fps=60))
    (spoilt / "meta" / "rotoscope" / "contract.json").unlink()
    without_facts(spoilt)
    edit_column(spoilt, "timestamp", lambda t: t / 2)
    for path in (spoilt / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(path)
        for end in ("from", "to"):
            name = f"videos/{CAMERA}/{end}_timestamp"
            index = table.column_names.index(name)
            half = pa.array([v / 2 for v in table[name].to_pylist()], table.schema.field(name).type)
            table = table.set_column(index, name, half)
        pq.write_table(table, path)
    with pytest.raises(DatasetError, match=f"runs at {FPS} frames a second, info.json says fps 60"):
        read_labeled(spoilt, camera=CAMERA)


def test_missing_camera_file_is_refused(spoilt):
    for path in (spoilt / "videos").rglob("*.mp4"):
        path.unlink()
    with pytest.raises(DatasetError, match="is not there; copy the dataset whole"):
        read_labeled(spoilt, camera=CAMERA)


def test_contract_that_differs_is_refused(published):
    other = ActionContract(
        robot="panda",
        dimensions=tuple(Dimension(name=n, quantity="joint", unit="rad") for n in "abc"),
        rate_hz=FPS,
        shift_s=0,
    )
    with pytest.raises(ContractError, match="differs from the one asked for in 'dimensions'"):
        read_labeled(published, inputs=["observation.state"], contract=other)


def test_actions_that_are_nan_are_refused(spoilt):
    def spoil(actions):
        actions[5, 1] = np.nan
        return actions

    edit_column(spoilt, "action", spoil)
    with pytest.raises(DatasetError, match=r"row 5 is not finite in arm_joint2\.pos"):
        read_labeled(spoilt, inputs=["observation.state"])


def test_actions_that_never_move_are_refused():
    still = [replace(e, actions=np.zeros_like(e.actions)) for e in point_mass.dataset(3).episodes]
    with pytest.raises(DatasetError, match="no dimension of the action ever changes"):
        LabeledSet(tuple(still), point_mass.contract())


def test_dataset_without_episodes_is_refused():
    with pytest.raises(DatasetError, match="no labeled episode"):
        LabeledSet((), point_mass.contract())


def test_episodes_without_a_valid_row_are_refused():
    episode = point_mass.dataset(1).episodes[0]
    none = replace(episode, valid=np.zeros(len(episode.actions), bool))
    with pytest.raises(DatasetError, match="no row of 2 episodes is valid"):
        LabeledSet((none, none), point_mass.contract())
