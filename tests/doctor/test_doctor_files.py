"""Files, tables, clocks and videos that do not fit each other are found, named and placed."""

import shutil
import subprocess
import sys
from pathlib import Path

import av
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corruptions import change_episodes, change_json, change_rows, expect, only, verdicts

from rotoscope.pipeline.doctor.run import diagnose, exit_code, table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.video.encode import EpisodeEncoder

ROOT = Path(__file__).parents[2]


def test_clean_dataset_passes_every_check(clean):
    checks = diagnose(clean)
    untested = {c.name for c in checks if c.verdict == "UNTESTED"}
    # Nothing says how far away things are, or whether the camera moved.
    assert untested >= {"scale", "camera"}
    assert {c.verdict for c in checks if c.name not in untested} == {"PASS"}, table(checks)
    assert exit_code(checks) == 0
    passed = len(checks) - len(untested)
    assert f"{passed} PASS, 0 WARN, 0 FAIL, {len(untested)} UNTESTED" in table(checks)
    lag = next(c for c in checks if c.name == "lag")
    assert lag.detail["lag_frames"] == 0
    assert lag.detail["correlation"] > 0.8


def test_dataset_of_another_tool_is_only_warned_about_its_contract(foreign):
    checks = diagnose(foreign)
    assert [c.name for c in checks if c.verdict in ("WARN", "FAIL")] == ["contract"]
    expect(foreign, "contract", "WARN", "no contract")
    assert exit_code(checks) == 0


def test_wrong_fps_is_found(dataset):
    change_json(dataset, "info.json", lambda info: info.update(fps=25))
    expect(dataset, "clock", "FAIL", "frame_index / fps is 0.04000 s", "the contract 30 Hz")
    expect(dataset, "video clock", "FAIL", "episode 0 frame 1", "6.67 ms away")


def test_missing_rows_are_found(dataset):
    path = only(dataset, "data/*/*.parquet")
    whole = pq.read_table(path)
    pq.write_table(pa.concat_tables([whole.slice(0, 10), whole.slice(11)]), path)
    expect(dataset, "structure", "FAIL", "info.json says total_frames")
    expect(dataset, "episodes", "FAIL", "episode 0: meta/episodes says length 90, the data hold 89")
    expect(dataset, "clock", "FAIL", "episode 0: frame_index is 11 in its row 10")
    expect(dataset, "video clock", "FAIL", "episode 0: 90 frames", "for 89 rows")


def test_missing_frames_are_found(dataset):
    path = only(dataset, "videos/*/*/*.mp4")
    with av.open(str(path)) as container:
        images = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    del images[200]
    with EpisodeEncoder(path, width=96, height=64, fps=30) as encoder:
        for image in images:
            encoder.add(image)
    # All frames after the missing one come one too early: the last episode lacks its last.
    expect(dataset, "video clock", "FAIL", "episode 4: ", "frames of observation.images.front")


def test_cut_off_video_is_found(dataset):
    path = only(dataset, "videos/*/*/*.mp4")
    path.write_bytes(path.read_bytes()[:1000])
    expect(dataset, "video clock", "FAIL", "file-000.mp4: cannot be read")


def test_deleted_video_is_found(dataset):
    only(dataset, "videos/*/*/*.mp4").unlink()
    expect(dataset, "structure", "FAIL", "file-000.mp4 is not there")


def test_video_of_another_size_is_found(dataset):
    def grow(info):
        info["features"]["observation.images.front"]["shape"] = [128, 192, 3]

    change_json(dataset, "info.json", grow)
    expect(dataset, "video clock", "FAIL", "is 96x64, info.json says 192x128")


def test_wrong_place_in_the_video_is_found(dataset):
    name = "videos/observation.images.front/from_timestamp"
    change_episodes(dataset, name, lambda t: t + 0.4 / 30 if t > 0 else t)
    expect(dataset, "video clock", "FAIL", "episode 1 frame 0", "13.33 ms away")


def test_damaged_contract_is_found(dataset):
    change_json(dataset, "rotoscope/contract.json", lambda c: c.pop("rate_hz"))
    expect(dataset, "structure", "FAIL", "contract.json cannot be read")


def test_time_that_runs_backwards_is_found(dataset):
    def swap(time_s):
        time_s[[4, 5]] = time_s[[5, 4]]
        return time_s

    change_rows(dataset, timestamp=swap)
    expect(dataset, "clock", "FAIL", "episode 0 frame 4: timestamp is 0.16667 s", "(2 rows)")


def test_torn_data_file_ends_the_examination_without_a_crash(dataset):
    path = only(dataset, "data/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-200])
    (check,) = diagnose(dataset)
    assert check.verdict == "FAIL"
    assert "file-000.parquet" in check.message


@pytest.mark.parametrize("name", ["stats.json", "tasks.parquet"])
def test_missing_metadata_is_found(dataset, name):
    (dataset / "meta" / name).unlink()
    expect(dataset, "structure", "FAIL", f"{name}")


def test_missing_episode_table_is_found(dataset):
    shutil.rmtree(dataset / "meta" / "episodes")
    assert verdicts(dataset)["structure"] == "FAIL"
    expect(
        dataset, "episodes", "FAIL", "episodes 0, 1, 2, 3, 4 are in the data or in meta/episodes"
    )


def test_missing_column_is_found(dataset):
    path = only(dataset, "data/*/*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["action"]), path)
    expect(dataset, "structure", "FAIL", "column 'action' is missing")


def test_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"is not a LeRobot dataset: .*info.json is not there"):
        diagnose(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codebase_version": "v2.1"}, "is LeRobot v2.1, not v3; this writes it as v3"),
        ({"features": None}, "is damaged"),
        ({"fps": 0}, "fps: Input should be greater than 0, got 0"),
        ({"fps": "30"}, "fps: Input should be a valid number"),
        ({"fps": float("nan")}, "fps: Input should be a finite number"),
        ({"data_path": "{a.b}"}, "is no template of a path; fields can be 'chunk_index'"),
        (
            {"data_path": "{chunk_index:0999999999d}"},
            "is no template of a path; fields can be 'chunk_index'",
        ),
        ({"video_path": None}, "no video_path"),
        ({"features": {}}, "at least 1 item"),
    ],
)
def test_info_that_makes_no_sense_is_refused(dataset, change, words):
    change_json(dataset, "info.json", lambda info: info.update(change))
    with pytest.raises(DatasetError, match=words):
        diagnose(dataset)


def test_examining_loads_nothing_heavy(clean):
    code = (
        f"import sys; from pathlib import Path; from rotoscope.pipeline.doctor.run import diagnose;"
        f"diagnose(Path({str(clean)!r}));"
        "print({'torch', 'lerobot', 'pandas', 'scipy', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
