"""Datasets as LeRobot's own loader sees them, byte for byte the same, whole or not at all."""

import dataclasses
import getpass
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from warm_writer import WarmWriter, fresh_run

from benchmarks._small_dataset import FPS, episode, job_for, read_code, store, store_many
from rotoscope.pipeline.errors import DatasetError, DiskFullError
from rotoscope.pipeline.export.light_lerobot import (
    LightImportError,
    _PlaceholderModule,
    import_light_writer,
)
from rotoscope.pipeline.export.publish import publish, publish_in_child

pytestmark = pytest.mark.usefixtures("fresh_writer")
ROOT = Path(__file__).parents[2]
EPISODES, ROWS = 62, 8


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return store_many(tmp_path_factory.mktemp("episodes"), EPISODES, ROWS)


@pytest.fixture(scope="module")
def dataset(stored, tmp_path_factory):
    """Published by a light process; the folder's name holds what could be taken for syntax."""
    out = tmp_path_factory.mktemp('it\'s 100% "odd"? #1\n') / "the dataset"
    # Another hash seed than this process has: whatever goes through a set would show.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "4242")
        result = publish_in_child(job_for(stored, out))
    assert result.episodes == EPISODES
    assert result.rows == sum(s.num_rows for s in stored)
    return out


@pytest.fixture(scope="module")
def lerobot_dataset():
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset


@pytest.fixture(scope="module")
def whole(lerobot_dataset):
    return lambda: lerobot_dataset


@pytest.fixture(scope="module")
def loaded(lerobot_dataset, dataset):
    return lerobot_dataset("rotoscope/small", root=dataset, video_backend="pyav")


def digest(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def json_of(dataset, name):
    return json.loads((dataset / "meta" / name).read_text())


def test_every_frame_of_every_episode_reads_back_as_itself(loaded, stored):
    rows = [(e, r) for e, s in enumerate(stored) for r in range(s.num_rows)]
    assert len(loaded) == len(rows)
    for index, (number, row) in enumerate(rows):
        item = loaded[index]
        image = item["observation.images.front"].numpy().transpose(1, 2, 0) * 255
        assert read_code(image) == (number, row)
        assert (int(item["episode_index"]), int(item["frame_index"])) == (number, row)


def test_numbers_read_back_as_written(loaded, stored):
    index = 0
    for s in stored[:5]:
        made = s.load()
        for row in range(made.num_rows):
            item = loaded[index]
            np.testing.assert_array_equal(item["action"], made.action[row].astype(np.float32))
            np.testing.assert_array_equal(
                item["observation.state"], made.state[row].astype(np.float32)
            )
            assert bool(item["label.valid"]) == made.valid[row]
            assert int(item["label.reason"]) == made.reason[row]
            assert float(item["label.confidence"]) == pytest.approx(made.confidence[row], abs=1e-6)
            assert float(item["timestamp"]) == pytest.approx(row / FPS, abs=1e-6)
            assert item["task"] == "move the block"
            index += 1


def test_windows_of_time_stay_inside_an_episode(lerobot_dataset, dataset, stored):
    window = [-1 / FPS, 0.0, 1 / FPS]
    windows = lerobot_dataset(
        "rotoscope/small",
        root=dataset,
        video_backend="pyav",
        delta_timestamps={"action": window, "observation.images.front": window},
    )
    last = stored[0].num_rows - 1
    item = windows[last]
    assert item["action_is_pad"].tolist() == [False, False, True]
    codes = [
        read_code(i.numpy().transpose(1, 2, 0) * 255) for i in item["observation.images.front"]
    ]
    assert codes == [(0, last - 1), (0, last), (0, last)]


def test_policies_see_images_state_and_action_alone(loaded):
    from lerobot.utils.feature_utils import dataset_to_policy_features

    seen = dataset_to_policy_features(loaded.meta.features)
    assert {name: f.type.value for name, f in seen.items()} == {
        "observation.images.front": "VISUAL",
        "observation.state": "STATE",
        "action": "ACTION",
    }


def test_image_statistics_are_those_of_the_frames(loaded, stored):
    images = [loaded[i]["observation.images.front"].numpy() for i in range(0, len(loaded), 5)]
    mean = np.mean(images, axis=(0, 2, 3))
    # Every fifth frame of an episode is counted: close to, not equal to, those taken here.
    np.testing.assert_allclose(loaded.meta.stats["observation.images.front"]["mean"].ravel(), mean,
                               atol=0.02)  # fmt: skip


def test_light_and_whole_lerobot_write_the_same_bytes_wherever(whole, stored, dataset, tmp_path):
    publish(job_for(stored, tmp_path / "whole"), whole)
    assert digest(tmp_path / "whole") == digest(dataset)


def test_what_other_tests_write_with_writes_the_same_bytes_and_says_the_same(
    stored, dataset, tmp_path
):
    writer = WarmWriter()
    try:
        code, answer, _ = writer.run(job_for(stored, tmp_path / "again"), light=True)
        assert (code, json.loads(answer)["episodes"]) == (0, EPISODES)
        assert digest(tmp_path / "again") == digest(dataset)
        (tmp_path / "foreign").mkdir()
        (tmp_path / "foreign" / "thesis.tex").touch()
        foreign = job_for(stored[:1], tmp_path / "foreign")
        assert writer.run(foreign, light=True)[:2] == fresh_run(foreign, light=True)[:2]
    finally:
        writer.close()


def test_light_import_in_a_process_that_has_torch_is_refused(lerobot_dataset):
    with pytest.raises(LightImportError, match=r"lerobot.datasets, .*torch, .* imported before"):
        import_light_writer()


def test_placeholder_can_be_named_but_not_used():
    tensor = _PlaceholderModule("torch").nn.Tensor
    assert not isinstance(3, tensor)
    assert tensor is tensor
    assert issubclass(type("Mine", (tensor,), {}), tensor)
    with pytest.raises(LightImportError, match=r"torch.nn.Tensor was called"):
        tensor(3)


@pytest.mark.slow
def test_lerobot_that_needs_more_is_imported_whole(stored, tmp_path, monkeypatch):
    # A start-up file that imports torch makes the light import impossible.
    (tmp_path / "sitecustomize.py").write_text("import torch\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    publish_in_child(job_for(stored[:2], tmp_path / "out"))
    assert json_of(tmp_path / "out", "info.json")["total_episodes"] == 2


def test_json_beside_the_data_says_what_it_is(dataset, stored):
    features = json_of(dataset, "rotoscope/features.json")
    assert features.keys() == json_of(dataset, "info.json")["features"].keys()
    assert features["track.point"]["unit"] == "m"
    assert features["action"]["names"][0] == "arm_joint1.pos"
    assert json_of(dataset, "rotoscope/contract.json")["shift_s"] == pytest.approx(1 / FPS)
    assert json_of(dataset, "rotoscope/provenance.json")["recipe"] == "small"
    lines = (dataset / "meta" / "rotoscope" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["length"] for line in lines] == [s.num_rows for s in stored]
    assert json.loads(lines[3])["name"] == "video003.mp4"
    assert (dataset / "meta" / "rotoscope" / "ledger.jsonl").read_text().count("\n") == 1
    quality = json_of(dataset, "rotoscope/quality.json")
    assert quality["rows"] == sum(s.num_rows for s in stored)
    assert quality["rows_by_reason"]["gap_filled"] == quality["rows"] - quality["valid_rows"]
    assert sum(quality["confidence_histogram"]["counts"]) == quality["rows"]
    low = min(s.load().action[:, 0].min() for s in stored)
    assert quality["dimensions"]["action"]["arm_joint1.pos"]["min"] == pytest.approx(low, abs=1e-6)


def test_settings_in_info_are_those_of_our_encoder(dataset):
    info = json_of(dataset, "info.json")["features"]["observation.images.front"]["info"]
    assert (info["video.codec"], info["video.g"], info["video.crf"]) == ("h264", 2, 20)
    assert (info["video.fps"], info["video.preset"]) == (FPS, "ultrafast")


def test_card_names_the_actions_and_where_to_be_careful(dataset):
    card = (dataset / "README.md").read_text()
    assert "| 2 | `gripper.pos` | percent | 0 | 100 | 500 |" in card
    assert 'LeRobotDataset("rotoscope/small"' in card
    assert "## Limitations" in card
    assert "owner's" in card


def test_nothing_temporary_is_left_and_all_may_read(dataset):
    assert [p.name for p in dataset.parent.iterdir()] == ["the dataset"]
    names = {p.name for p in dataset.rglob("*")}
    assert not [n for n in names if n.startswith(".")]
    mask = os.umask(0)
    os.umask(mask)
    modes = {p.stat().st_mode & 0o777 for p in dataset.rglob("*") if p.is_file()}
    assert modes == {0o666 & ~mask}


def test_stored_episodes_are_untouched(dataset, stored):
    assert all(s.video_path.stat().st_nlink == 1 for s in stored)
    assert all(s.load().num_rows == s.num_rows for s in stored)


def test_nan_of_a_track_does_not_make_statistics_unreadable(whole, tmp_path):
    made = episode(0, rows=6)
    made.features["track.point"].values[2] = np.nan
    publish(job_for([store(tmp_path / "e", 0, made)], tmp_path / "out"), whole)
    stats = (tmp_path / "out" / "meta" / "stats.json").read_text()
    assert "NaN" not in stats
    assert "track.point" not in json.loads(stats)
    assert "action" in json.loads(stats)


def test_video_files_do_not_grow_without_bound(
    lerobot_dataset, whole, stored, tmp_path, monkeypatch
):
    total = sum(s.video_path.stat().st_size for s in stored[:12])
    monkeypatch.setattr("rotoscope.pipeline.export.lerobot.VIDEO_FILE_MB", total / 4 / 2**20)
    publish(job_for(stored[:12], tmp_path / "out"), whole)
    files = sorted((tmp_path / "out" / "videos").rglob("*.mp4"))
    assert len(files) > 2
    again = lerobot_dataset("rotoscope/small", root=tmp_path / "out", video_backend="pyav")
    image = again[len(again) - 1]["observation.images.front"].numpy().transpose(1, 2, 0) * 255
    assert read_code(image) == (11, stored[11].num_rows - 1)


def test_places_may_be_relative_to_where_one_stands(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    publish(job_for(store_many(Path("stored"), 2, ROWS), Path("out")), whole)
    assert json_of(tmp_path / "out", "info.json")["total_episodes"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"out", "stored"}


def test_our_own_dataset_is_replaced_and_the_users_files_are_kept(whole, stored, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    publish(job_for(stored[:3], out), whole)
    (out / "my_policy").mkdir()
    (out / "my_policy" / "weights.bin").write_bytes(b"hours of work")
    with (out / "README.md").open("a") as card:
        card.write("Videos: CC-BY-4.0, by me.\n")
    publish(job_for(stored[:2], out), whole)
    publish(job_for(stored[:2], tmp_path / "fresh"), whole)
    assert json_of(out, "info.json")["total_episodes"] == 2
    assert (out / "my_policy" / "weights.bin").read_bytes() == b"hours of work"
    fresh, now = digest(tmp_path / "fresh"), digest(out)
    assert {name for name in now if now[name] != fresh.get(name)} == {
        "README.md",
        "my_policy/weights.bin",
    }
    card = (out / "README.md").read_text()
    assert card == (tmp_path / "fresh" / "README.md").read_text() + "Videos: CC-BY-4.0, by me.\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fresh", "out"]


def test_no_published_byte_tells_where_or_by_whom_it_was_made(whole, tmp_path, monkeypatch):
    """The same episodes, stored and published at two places, spelt in two ways."""
    monkeypatch.setenv("HOME", str(tmp_path / "homeofsomebody"))
    first, second = tmp_path / "oneplace", tmp_path / "an other\nplace"
    publish(job_for(store_many(first / "stored", 2, ROWS), first / "out"), whole)
    second.mkdir()
    monkeypatch.chdir(second)
    (second / "link").symlink_to(second / "target")
    publish(job_for(store_many(Path("stored"), 2, ROWS), Path("link/../link")), whole)
    assert digest(first / "out") == digest(second / "target")
    secrets = {str(tmp_path), tmp_path.name, "oneplace", "homeofsomebody"}
    # In compressed pictures every short name can be found.
    secrets |= {name for name in (getpass.getuser(), socket.gethostname()) if len(name) > 4}
    for path in (p for p in (first / "out").rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert not [s for s in secrets if s.encode() in content], path.name


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_not_ours_is_refused_and_kept(stored, tmp_path, kind):
    out = tmp_path / "out"
    precious = out if kind == "file" else out / "thesis.tex"
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("years of work")
    with pytest.raises(DatasetError, match="was not written by rotoscope"):
        publish(job_for(stored[:1], out), lambda: None)
    assert precious.read_text() == "years of work"


def test_error_in_the_middle_leaves_the_old_dataset(whole, stored, tmp_path):
    out = tmp_path / "out"
    publish(job_for(stored[:2], out), whole)
    before = digest(out)
    broken = store(tmp_path / "broken", 9, episode(9, rows=5))
    job = job_for([stored[0], broken], out)
    (broken.folder / "arrays.npz").write_bytes(b"torn")
    with pytest.raises(DatasetError, match=r"broken cannot be used"):
        publish(job, whole)
    assert digest(out) == before
    assert not list(tmp_path.glob(".out*"))


def test_child_passes_on_errors_raised_on_purpose(stored, tmp_path):
    job = job_for(stored[:1], tmp_path / "out")
    job = dataclasses.replace(job, episodes=(str(tmp_path / "nothing"),))
    with pytest.raises(DatasetError, match="nothing cannot be used"):
        publish_in_child(job)


def test_full_disk_says_so(stored, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rotoscope.pipeline.export.lerobot.write_lerobot", full)
    with pytest.raises(DiskFullError, match="no space left while writing"):
        publish(job_for(stored[:1], tmp_path / "out"), lambda: None)
    assert not (tmp_path / "out").exists()


PARENT = """
import json, sys
from rotoscope.pipeline.export.publish import PublishJob, publish_in_child
publish_in_child(PublishJob(**json.load(open(sys.argv[1]))))
"""


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.15, 1.0])
def test_writer_ends_with_its_parent_however_young(stored, tmp_path, after_s):
    job = tmp_path / "job.json"
    job.write_text(json.dumps(dataclasses.asdict(job_for(stored, tmp_path / "out"))))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, job], cwd=ROOT)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    wait_for(lambda: children.read_text().split())
    writer = int(children.read_text().split()[0])
    time.sleep(after_s)
    assert is_running(writer)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not is_running(writer))
    assert not (tmp_path / "out").exists()


def test_writer_is_ended_when_its_parent_is_interrupted(stored, tmp_path):
    job = tmp_path / "job.json"
    job.write_text(json.dumps(dataclasses.asdict(job_for(stored, tmp_path / "out"))))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, job], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    wait_for(lambda: children.read_text().split())
    writer = int(children.read_text().split()[0])
    time.sleep(0.2)
    parent.send_signal(signal.SIGINT)
    assert parent.wait() != 0
    assert not is_running(writer)


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_running(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
