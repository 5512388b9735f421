"""Every way a dataset can go wrong is found, named and placed; a clean one passes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks._small_dataset import publish_small
from pipeline.doctor.run import diagnose, exit_code, table
from pipeline.errors import DatasetError
from pipeline.video.encode import EpisodeEncoder

ROOT = Path(__file__).parents[2]
EPISODES, ROWS = 5, 90


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    out = tmp_path_factory.mktemp("clean") / "dataset"
    publish_small(out, episodes=EPISODES, rows=ROWS)
    return out


@pytest.fixture
def dataset(clean, tmp_path):
    return Path(shutil.copytree(clean, tmp_path / "dataset"))


@pytest.fixture
def foreign(dataset):
    shutil.rmtree(dataset / "meta" / "rotoscope")
    return dataset


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def change_rows(dataset, **changes):
    """Rewrites columns of the data; a change takes and gives an array of one row per row."""
    path = only(dataset, "data/*/*.parquet")
    table_ = pq.read_table(path)
    for name, change in changes.items():
        name = name.replace("__", ".")
        at = table_.column_names.index(name)
        old = np.array(table_[name].to_pylist())
        new = change(old.copy())
        values = pa.array(new.tolist(), table_.schema.field(name).type)
        table_ = table_.set_column(at, table_.schema.field(name), values)
    pq.write_table(table_, path)


def change_episodes(dataset, name, change):
    path = only(dataset, "meta/episodes/*/*.parquet")
    table_ = pq.read_table(path)
    at = table_.column_names.index(name)
    values = pa.array([change(v) for v in table_[name].to_pylist()], table_.schema.field(name).type)
    pq.write_table(table_.set_column(at, table_.schema.field(name), values), path)


def change_json(dataset, name, change):
    path = dataset / "meta" / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def verdicts(dataset):
    return {c.name: c.verdict for c in diagnose(dataset)}


def found(dataset, name):
    return next(c for c in diagnose(dataset) if c.name == name)


def expect(dataset, name, verdict, *words):
    check = found(dataset, name)
    assert check.verdict == verdict, check
    for word in words:
        assert word in check.message


def first_rows(dataset):
    episode = np.array(pq.read_table(only(dataset, "data/*/*.parquet"))["episode_index"])
    return [int(np.argmax(episode == e)) for e in range(EPISODES)]


def test_clean_dataset_passes_every_check(clean):
    checks = diagnose(clean)
    assert {c.verdict for c in checks} == {"PASS"}, table(checks)
    assert len(checks) == 14
    assert exit_code(checks) == 0
    assert "14 PASS, 0 WARN, 0 FAIL" in table(checks)
    lag = next(c for c in checks if c.name == "lag")
    assert lag.detail["lag_frames"] == 0
    assert lag.detail["correlation"] > 0.8


def test_dataset_of_another_tool_is_only_warned_about_its_contract(foreign):
    checks = diagnose(foreign)
    assert [c.name for c in checks if c.verdict != "PASS"] == ["contract"]
    expect(foreign, "contract", "WARN", "no contract")
    assert exit_code(checks) == 0


def test_shifted_actions_are_found(dataset):
    change_rows(dataset, action=lambda a: np.roll(a, 3, axis=0))
    expect(dataset, "action against state", "FAIL", "the state 1 rows later", "episode 0 frame 0")
    assert exit_code(diagnose(dataset)) == 1


@pytest.mark.parametrize("frames", [6, -6])
def test_actions_and_states_shifted_against_the_video_are_found(dataset, frames):
    starts = first_rows(dataset)

    def late(values):
        ends = [*starts[1:], len(values)]
        for a, b in zip(starts, ends, strict=True):
            rows = np.clip(np.arange(a, b) - frames, a, b - 1)
            values[a:b] = values[rows]
        return values

    change_rows(dataset, action=late, observation__state=late)
    side = "after" if frames > 0 else "before"
    expect(dataset, "lag", "WARN", f"over all episodes the action comes 6 frames {side} the video")


def test_lag_of_one_episode_is_found(dataset):
    start, end = first_rows(dataset)[2:4]

    def late(values):
        values[start:end] = values[np.maximum(np.arange(start, end) - 8, start)]
        return values

    change_rows(dataset, action=late, observation__state=late)
    expect(dataset, "lag", "WARN", "episode 2: the action comes 8 frames after the video")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["action", "observation__state"])
def test_nan_and_infinity_are_found(dataset, column, value):
    row = first_rows(dataset)[1] + 7

    def poke(values):
        values[row, 1] = value
        return values

    change_rows(dataset, **{column: poke})
    name = column.replace("__", ".")
    kind = "NaN" if np.isnan(value) else "infinite"
    expect(
        dataset, "finite", "FAIL", f"episode 1 frame 7: {name} arm_joint2.pos is {kind} (1 rows)"
    )


def test_nan_of_a_track_means_missing(dataset):
    def poke(values):
        values[3] = np.nan
        return values

    change_rows(dataset, track__point=poke)
    expect(dataset, "finite", "PASS", "missing in", "track.point")


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


def test_swapped_dimensions_are_found_by_their_limits(dataset):
    def swap(values):
        return values[:, [2, 1, 0]]

    change_rows(dataset, action=swap, observation__state=swap)
    expect(dataset, "limits", "FAIL", "episode 0 frame 0", "arm_joint1.pos", "allowed -2 to 2")


def test_dimensions_swapped_in_the_action_alone_are_found(dataset):
    change_rows(dataset, action=lambda a: a[:, [1, 0, 2]])
    expect(dataset, "action against state", "FAIL", "arm_joint1.pos")


def test_swapped_names_are_found(dataset):
    def swap(info):
        info["features"]["action"]["names"][:2] = ["arm_joint2.pos", "arm_joint1.pos"]

    change_json(dataset, "info.json", swap)
    expect(dataset, "contract", "FAIL", "action[0] is named 'arm_joint2.pos', the contract says")


def test_contract_of_another_robot_is_found(dataset):
    change_json(dataset, "rotoscope/contract.json", lambda c: c.update(robot="panda"))
    expect(dataset, "contract", "FAIL", "info.json says robot 'two_link', the contract 'panda'")


def test_damaged_contract_is_found(dataset):
    change_json(dataset, "rotoscope/contract.json", lambda c: c.pop("rate_hz"))
    expect(dataset, "structure", "FAIL", "contract.json cannot be read")


def test_row_out_of_limits_fails_where_it_claims_to_be_valid(dataset):
    def poke(values):
        values[5, 0] = 2.5
        return values

    change_rows(dataset, action=poke)
    expect(dataset, "limits", "FAIL", "episode 0 frame 5: action arm_joint1.pos is 2.5 rad")
    change_rows(dataset, label__valid=lambda v: np.where(np.arange(len(v)) == 5, False, v))
    expect(dataset, "limits", "WARN", "episode 0 frame 5")


def teleport(dataset):
    row = first_rows(dataset)[1] + 20

    def leap(values):
        values[row:, 0] += 0.5
        return values

    change_rows(dataset, action=leap, observation__state=leap)


def test_leap_beyond_the_rate_limit_fails(dataset):
    teleport(dataset)
    expect(dataset, "jumps", "FAIL", "episode 1 frame 20: observation.state arm_joint1.pos moves")


def test_leap_without_known_limits_is_a_warning(foreign):
    teleport(foreign)
    expect(foreign, "jumps", "WARN", "episode 1 frame 20: action arm_joint1.pos jumps by 0.")


def test_still_episode_and_dimension_are_found(dataset):
    start, end = first_rows(dataset)[1:3]

    def freeze(values):
        values[start:end] = values[start]
        values[:, 1] = 0.3
        return values

    change_rows(dataset, action=freeze, observation__state=freeze)
    expect(
        dataset,
        "still actions",
        "WARN",
        "1 of 3 dimensions never move: arm_joint2.pos",
        "episode 1: no dimension",
    )


def test_action_that_rests_while_the_video_moves_is_found(dataset):
    def freeze(values):
        keep = np.arange(len(values)) % 90 < 20
        values[~keep] = values[0]
        return values

    change_rows(dataset, action=freeze, observation__state=freeze)
    expect(dataset, "still actions", "WARN", "stands still in", "% of frames that move")


@pytest.mark.parametrize("key", ["mean", "std", "min", "max", "count"])
def test_wrong_statistics_are_found(dataset, key):
    def spoil(stats):
        stats["action"][key][-1] += 3

    change_json(dataset, "stats.json", spoil)
    expect(dataset, "statistics", "FAIL", f"{key} is", "the data give")


def test_wrong_statistics_of_one_episode_are_found(dataset):
    change_episodes(dataset, "stats/action/mean", lambda v: [v[0] + 0.2, *v[1:]])
    expect(dataset, "statistics", "FAIL", "episode 0 action arm_joint1.pos: mean is")


def test_missing_statistics_are_found(dataset):
    change_json(dataset, "stats.json", lambda stats: stats.pop("observation.images.front"))
    expect(dataset, "statistics", "FAIL", "says nothing about observation.images.front")


def test_same_actions_twice_are_found(dataset):
    starts = first_rows(dataset)
    rows = pq.read_table(only(dataset, "data/*/*.parquet")).num_rows

    def copy(values):
        ends = [*starts[1:], rows]
        a, b = 0, EPISODES - 1
        length = min(ends[a] - starts[a], ends[b] - starts[b])
        values[starts[b] : starts[b] + length] = values[starts[a] : starts[a] + length]
        return values

    def relabel(index):
        # Makes the copied part an episode of the same length as the first.
        index[starts[-1] + 90 :] = EPISODES
        return index

    change_rows(dataset, action=copy, episode_index=relabel)
    expect(dataset, "duplicates", "WARN", "episodes 0, 4 hold the same actions")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("label__confidence", 1.5, "label.confidence is 1.5, allowed 0 to 1"),
        ("label__confidence", np.nan, "label.confidence is nan, allowed 0 to 1"),
        ("label__reason", 3, "label.valid is True, label.reason 3 (1 rows)"),
        ("label__reason", 77, "label.reason 77 means nothing"),
    ],
)
def test_labels_that_make_no_sense_are_found(dataset, column, value, words):
    def poke(values):
        values[2] = value
        return values

    change_rows(dataset, **{column: poke})
    expect(dataset, "labels", "FAIL", f"episode 0 frame 2: {words}")


def test_mostly_invalid_dataset_is_a_warning(dataset):
    half = {"label__valid": lambda v: np.arange(len(v)) % 3 == 0}
    change_rows(dataset, **half, label__reason=lambda r: (np.arange(len(r)) % 3 != 0).astype(int))
    expect(dataset, "labels", "WARN", "only 33.3 % of rows are valid")


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
        ({"codebase_version": "v2.1"}, "is LeRobot v2.1, not v3"),
        ({"features": None}, "is damaged"),
        ({"fps": 0}, "names 0 rows per second"),
    ],
)
def test_info_that_makes_no_sense_is_refused(dataset, change, words):
    change_json(dataset, "info.json", lambda info: info.update(change))
    with pytest.raises(DatasetError, match=words):
        diagnose(dataset)


def test_examining_loads_nothing_heavy(clean):
    code = (
        f"import sys; from pathlib import Path; from pipeline.doctor.run import diagnose;"
        f"diagnose(Path({str(clean)!r}));"
        "print({'torch', 'lerobot', 'pandas', 'scipy', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
