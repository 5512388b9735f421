"""Data of anyone's that point outside of their own folder: nothing out there is opened or copied.

Every kind of reader meets every kind of pointing; the kernel tells what was opened.
"""

import json
import shutil
from pathlib import Path

import disc_dataset
import pytest
from disc_dataset import CAMERA
from opened_files import Opened
from video_files import write_video

from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.add_tracks.frames import find_frames
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import MotionError, RotoscopeError
from rotoscope.pipeline.export.added_columns import write_with_columns
from rotoscope.pipeline.motion import read_motion, side_files
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.report.rerun import write_recordings
from rotoscope.pipeline.sources import identify, scan

VIDEO, DATA, EPISODES = (
    f"videos/{CAMERA}/chunk-000/file-000.mp4",
    "data/chunk-000/file-000.parquet",
    "meta/episodes/chunk-000/file-000.parquet",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return disc_dataset.write_discs(tmp_path_factory.mktemp("whole") / "data")


@pytest.fixture
def secret(whole, tmp_path):
    """A folder that nobody may look into; what lies there would fit."""
    folder = tmp_path / "secret"
    folder.mkdir()
    for name in (VIDEO, DATA, EPISODES, "meta/info.json", "meta/tasks.parquet"):
        shutil.copyfile(whole / name, folder / name.replace("/", "_"))
    return folder


def change_info(root, **values):
    path = root / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def link(root, name, secret):
    (root / name).unlink()
    (root / name).symlink_to(secret / name.replace("/", "_"))


def linked_folder(root, secret):
    folder = secret / "chunk-000"
    folder.mkdir()
    shutil.move(root / DATA, folder / "file-000.parquet")
    (root / DATA).parent.rmdir()
    (root / DATA).parent.symlink_to(folder)


SPOILED = {
    "video is a link": lambda root, secret: link(root, VIDEO, secret),
    "rows are a link": lambda root, secret: link(root, DATA, secret),
    "episodes are a link": lambda root, secret: link(root, EPISODES, secret),
    "info is a link": lambda root, secret: link(root, "meta/info.json", secret),
    "folder is a link": linked_folder,
    "video is absolute": lambda root, secret: change_info(
        root, video_path=str(secret / VIDEO.replace("/", "_"))
    ),
    "video is above": lambda root, secret: change_info(
        root, video_path=f"../secret/{VIDEO.replace('/', '_')}"
    ),
    "rows are absolute": lambda root, secret: change_info(
        root, data_path=str(secret / DATA.replace("/", "_"))
    ),
    "template asks for attributes": lambda root, secret: change_info(
        root, video_path="{video_key.__class__}", data_path="{chunk_index.__class__}"
    ),
    "video is a playlist": lambda root, secret: (root / VIDEO).write_text(
        f"ffconcat version 1.0\nfile '{secret / VIDEO.replace('/', '_')}'\n"
    ),
}


def look(root, out):
    dataset = open_dataset(root)
    for row in range(len(dataset.table)):
        list(read_images(dataset.episode(row), [0], dataset.fps))


def find(root, out):
    find_frames(open_dataset(root), CAMERA)
    look(root, out)


def train(root, out):
    read_labeled(root, camera=CAMERA, image_size=16)


def copy(root, out):
    write_with_columns(open_dataset(root), {}, out, provenance={})


def report(root, out):
    write_report(root, out)


def rerun(root, out):
    pytest.importorskip("rerun")
    list(write_recordings(root, out))


@pytest.mark.parametrize("kind", SPOILED)
@pytest.mark.parametrize("read", [look, find, train, report, rerun])
def test_what_lies_outside_of_a_dataset_is_not_read(whole, secret, tmp_path, kind, read):
    root = Path(shutil.copytree(whole, tmp_path / "data"))
    SPOILED[kind](root, secret)
    with Opened(secret) as opened, pytest.raises(RotoscopeError):
        read(root, tmp_path / "out")
    assert opened.names == []
    assert not (tmp_path / "out").is_file()


@pytest.mark.parametrize("kind", SPOILED)
def test_doctor_says_so_and_looks_at_nothing_else(whole, secret, tmp_path, kind):
    root = Path(shutil.copytree(whole, tmp_path / "data"))
    SPOILED[kind](root, secret)
    with Opened(secret) as opened:
        try:
            statuses = {check.verdict for check in diagnose(root)}
        except RotoscopeError:
            statuses = {"FAIL"}
    assert "FAIL" in statuses
    assert opened.names == []


@pytest.mark.parametrize("name", ["notes.txt", "meta/rotoscope/ledger.jsonl", "deep/er/a.json"])
def test_a_copy_takes_nothing_from_outside(whole, secret, tmp_path, name):
    root = Path(shutil.copytree(whole, tmp_path / "data"))
    (secret / "key").write_text("a private key")
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(secret / "key")
    with Opened(secret) as opened, pytest.raises(RotoscopeError, match="leads out of data"):
        copy(root, tmp_path / "out")
    assert opened.names == []
    assert not (tmp_path / "out").exists()


def in_the_hubs_cache(whole, folder):
    """The dataset as the hub's client downloads it: every file a link to a blob."""
    repository = folder / "datasets--someone--discs"
    snapshot = Path(shutil.copytree(whole, repository / "snapshots" / "0123abcd"))
    (repository / "blobs").mkdir()
    for number, file in enumerate(f for f in sorted(snapshot.rglob("*")) if f.is_file()):
        blob = Path(shutil.move(file, repository / "blobs" / f"{number:040x}"))
        up = "../" * (len(file.relative_to(snapshot).parts) + 1)
        file.symlink_to(f"{up}blobs/{blob.name}")
    return snapshot


@pytest.mark.parametrize("read", [find, train, copy, report])
def test_a_dataset_in_the_hubs_cache_is_read_as_it_lies(whole, tmp_path, read):
    read(in_the_hubs_cache(whole, tmp_path), tmp_path / "out")


def test_a_copy_holds_files_not_links(whole, tmp_path):
    root = in_the_hubs_cache(whole, tmp_path)
    copy(root, tmp_path / "out")
    files = [f for f in (tmp_path / "out").rglob("*") if not f.is_dir()]
    assert len(files) > 5
    assert not any(f.is_symlink() for f in files)
    assert (tmp_path / "out" / VIDEO).read_bytes() == (whole / VIDEO).read_bytes()
    assert {f.stat().st_mode & 0o7111 for f in files} == {0}


@pytest.mark.parametrize(
    ("main", "beside"),
    [("a.bvh", "motion.yaml"), ("a.bvh", "a.motion.yaml"), ("01_01.amc", "01.asf")],
)
def test_what_lies_beside_a_motion_file_is_not_from_elsewhere(tmp_path, main, beside):
    secret, folder = tmp_path / "secret", tmp_path / "motions"
    secret.mkdir()
    folder.mkdir()
    (secret / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n" * 5)
    (folder / main).write_text("HIERARCHY")
    (folder / beside).symlink_to(secret / "passwd")
    with Opened(secret) as opened:
        assert [f.name for f in scan([folder], "motion")] == [main]
        with pytest.raises(MotionError, match="leads out of motions"):
            side_files(folder / main)
        with pytest.raises(MotionError, match="leads out of motions"):
            identify(folder / main, "motion")
        with pytest.raises(MotionError):
            read_motion(folder / main)
    assert opened.names == []


def test_notes_that_are_no_notes_are_not_quoted(tmp_path):
    from bvh_files import write_bvh

    path = write_bvh(tmp_path / "a.bvh", frames=9, fps=30)
    (tmp_path / "motion.yaml").write_text("password: hunter2\nroot: 'x:0:0\n" * 5)
    with pytest.raises(
        MotionError, match=r"motion\.yaml is not valid YAML: .* in line 4"
    ) as caught:
        read_motion(path)
    assert "hunter2" not in str(caught.value)
    (tmp_path / "motion.yaml").write_text("unit: hunter2 is the password\n")
    with pytest.raises(MotionError, match="unit: Input should be") as caught:
        read_motion(path)
    assert "hunter2" not in str(caught.value)


def test_a_persons_own_links_into_a_folder_of_videos_are_followed(tmp_path):
    write_video(tmp_path / "elsewhere.mp4")
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    (found,) = scan([folder], "video")
    assert found.problem == ""
    assert len(identify(found.path, "video").sha256) == 64
