"""LeRobot v2.0 and v2.1: what is written as v2.1 comes back as it was, and parts of it too."""

import json
import shutil

import disc_dataset
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from disc_dataset import CAMERA, FPS, LENGTHS

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.old_versions.bring import import_dataset
from rotoscope.pipeline.old_versions.cut_video import cut_video
from rotoscope.pipeline.old_versions.found import open_old
from rotoscope.pipeline.old_versions.modality import Modality, Part, parts_of
from rotoscope.pipeline.old_versions.write_v21 import write_v21

ROWS = "data/chunk-000/episode_{:06d}.parquet"
VIDEO = f"videos/chunk-000/{CAMERA}/episode_{{:06d}}.mp4"


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    return disc_dataset.write_discs(tmp_path_factory.mktemp("discs") / "v3")


@pytest.fixture(scope="module")
def written(discs, tmp_path_factory):
    out = tmp_path_factory.mktemp("written") / "v21"
    write_v21(open_dataset(discs), out)
    return out


@pytest.fixture
def old(written, tmp_path):
    return shutil.copytree(written, tmp_path / "old")


def edit_info(root, **changes):
    path = root / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_rows(root, number, edit):
    path = root / ROWS.format(number)
    pq.write_table(edit(pq.read_table(path)), path)


def first_images(dataset, index):
    rows = [0, dataset[index].num_rows - 1]
    return np.stack(list(read_images(dataset[index], rows, dataset.fps))).astype(float)


def test_a_part_of_v20_with_a_clock_that_starts_late_and_no_statistics_comes_in(
    discs, old, tmp_path
):
    # As Isaac GR00T's own samples are: no frame_index, times from the second frame on, episodes
    # and a camera that are named and not there.
    (old / ROWS.format(1)).unlink()
    (old / "meta" / "episodes_stats.jsonl").unlink()
    (old / "meta" / "tasks.jsonl").unlink()
    features = json.loads((old / "meta" / "info.json").read_text())["features"]
    features.pop("frame_index")
    features["observation.images.gone"] = features[CAMERA]
    edit_info(old, codebase_version="v2.0", features=features)

    def late(table):
        table = table.drop_columns(["frame_index"])
        times = pa.array((np.arange(table.num_rows) + 1) / FPS, pa.float32())
        return table.set_column(table.column_names.index("timestamp"), "timestamp", times)

    for number in (0, 2, 3):
        edit_rows(old, number, late)

    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    done = import_dataset(old, tmp_path / "new")
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before

    assert done.episodes == (0, 2, 3)
    assert done.rows == sum(LENGTHS[n] for n in (0, 2, 3))
    assert any("gone" in line for line in done.left_out)
    assert any("1 of 4 episodes" in line for line in done.left_out)
    before, after = open_dataset(discs), open_dataset(tmp_path / "new")
    assert after.tasks() == {0: "move the disc"}  # an episode's own line says it, too
    for new, number in enumerate(done.episodes):
        columns = after[new].columns
        np.testing.assert_array_equal(columns["action"], before[number].columns["action"])
        np.testing.assert_allclose(columns["timestamp"], np.arange(LENGTHS[number]) / FPS, 0, 1e-6)
        np.testing.assert_array_equal(columns["episode_index"], new)
        # The same pictures: nothing was encoded again.
        np.testing.assert_array_equal(first_images(after, new), first_images(before, number))
    stats = json.loads((tmp_path / "new" / "meta" / "stats.json").read_text())
    actions = np.concatenate([after[n].columns["action"] for n in range(3)])
    np.testing.assert_allclose(stats["action"]["mean"], actions.mean(0), rtol=1e-4)
    facts = json.loads((tmp_path / "new" / "meta" / "rotoscope" / "imported.json").read_text())
    assert facts["episodes"] == [0, 2, 3]
    assert (tmp_path / "new" / "meta" / "modality.json").is_file()


def test_every_episode_is_a_file_that_begins_at_0(discs, written):
    info = json.loads((written / "meta" / "info.json").read_text())
    assert (info["codebase_version"], info["total_frames"]) == ("v2.1", sum(LENGTHS))
    lines = [json.loads(x) for x in (written / "meta" / "episodes.jsonl").read_text().splitlines()]
    assert [line["length"] for line in lines] == list(LENGTHS)
    from rotoscope.pipeline.video.probe import frame_times

    for number, length in enumerate(LENGTHS):
        times = frame_times(written / VIDEO.format(number))
        np.testing.assert_allclose(times, np.arange(length) / FPS, atol=1e-3)
        rows = pq.read_table(written / ROWS.format(number))
        assert rows["annotation.human.action.task_description"].to_pylist() == [0] * length


def test_what_is_written_names_parts_that_cover_the_vectors(discs, written):
    modality = Modality.model_validate_json((written / "meta" / "modality.json").read_text())
    width = len(open_dataset(discs).names("action"))
    parts = sorted(modality.action.values(), key=lambda part: part.start)
    assert [p.start for p in parts] == [0, *(p.end for p in parts[:-1])]
    assert parts[-1].end == width
    assert modality.video["front"].original_key == CAMERA


def test_parts_follow_quantity_and_side():
    names = ["left_a.pos", "left_b.pos", "left_grip.pos", "right_x", "right_wx"]
    kinds = ["joint", "joint", "gripper", "position", "rotation_vector"]
    contract = ActionContract.model_validate(
        {
            "robot": "two",
            "rate_hz": 10,
            "shift_s": 0,
            "mode": "absolute",
            "is_state": False,
            "dimensions": [
                {"name": n, "quantity": k, "unit": "1"} for n, k in zip(names, kinds, strict=True)
            ],
        }
    )
    assert parts_of(contract) == {
        "left_joints": Part(start=0, end=2),
        "left_gripper": Part(start=2, end=3),
        "right_ee_position": Part(start=3, end=4),
        "right_ee_rotation": Part(start=4, end=5, rotation_type="axis_angle"),
    }


def test_a_video_shorter_than_its_rows_is_told_before_anything_is_written(old, tmp_path):
    shutil.copy(old / VIDEO.format(2), old / VIDEO.format(1))
    with pytest.raises(DatasetError, match=r"episode 1: .*17 frames for 31 rows"):
        import_dataset(old, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: edit_info(root, codebase_version="v3.0"), "v3 needs no import"),
        (lambda root: edit_info(root, fps=0), "fps"),
        (lambda root: edit_info(root, data_path="../{episode_index}.parquet"), "leads out"),
        (lambda root: (root / "meta" / "info.json").unlink(), "no meta/info.json"),
        (lambda root: shutil.rmtree(root / "data"), "no episode has all of its files"),
        (lambda root: (root / "meta" / "tasks.jsonl").write_text("{]"), "tasks.jsonl, line 1"),
        (
            lambda root: edit_rows(root, 0, lambda table: table.drop_columns(["action"])),
            "no column 'action'",
        ),
    ],
)
def test_what_is_damaged_is_one_sentence_and_writes_nothing(old, tmp_path, spoil, message):
    spoil(old)
    with pytest.raises(DatasetError, match=message):
        import_dataset(old, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_numbers_with_gaps_keep_their_text(old):
    path = old / "meta" / "episodes.jsonl"
    kept = [line for line in path.read_text().splitlines() if '"episode_index": 2' not in line]
    path.write_text("\n".join(kept))
    found = open_old(old)
    assert [episode.number for episode in found.episodes] == [0, 1, 3]
    assert all(episode.tasks == found.episodes[0].tasks for episode in found.episodes)
    assert not found.left_out


def test_an_episode_inside_of_a_group_of_pictures_is_not_cut(discs, tmp_path):
    source = open_dataset(discs).existing_video(CAMERA, 0)
    with pytest.raises(DatasetError, match="does not begin at a key frame"):
        cut_video(source, tmp_path / "cut.mp4", start_s=5 / FPS, num_frames=10, fps=FPS)


def test_a_folder_of_somebody_else_is_left_alone(old, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="was not written by rotoscope"):
        import_dataset(old, tmp_path / "new")
    assert (tmp_path / "new" / "notes.txt").read_text() == "mine"
