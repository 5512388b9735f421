"""Tracks that somebody's dataset gains stand at the rows that show them, and all else stays."""

import hashlib
import json
import shutil
from pathlib import Path

import disc_dataset
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from disc_dataset import CAMERA, COLUMN, FPS, LENGTHS, SIZE_PX, picture, places_px
from video_files import write_video

from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.pipeline.add_tracks.recipe import tracks_alone
from rotoscope.pipeline.add_tracks.run import TrackRequest, track
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import DatasetError, RecipeError, UsageError
from rotoscope.pipeline.recipe import build_recipe, load_recipe

SCENE = Path(__file__).parent / "scene_stages.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return disc_dataset.write_discs(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return load_recipe(str(disc_dataset.write_recipe(tmp_path_factory.mktemp("r") / "disc.yaml")))


@pytest.fixture(scope="module")
def tracked(data, recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked")
    request = TrackRequest(data, recipe, folder / "out", store=folder / "store")
    assert track(request).exit_code == 0
    return request


@pytest.fixture
def copied(data, tmp_path):
    """A copy that a test may spoil."""
    return Path(shutil.copytree(data, tmp_path / "data"))


def requested(data, recipe, tmp_path, **changes):
    return TrackRequest(data, recipe, tmp_path / "out", store=tmp_path / "store", **changes)


def off_px(root):
    """Distance between the tracked and the true disc in every row of every episode [px]."""
    dataset = open_dataset(root)
    found = []
    for number in range(len(LENGTHS)):
        seen = np.array(dataset.episode(number).columns[COLUMN])[:, :2] * SIZE_PX
        truth = places_px(number)[0]
        assert seen.shape == truth.shape
        found.append(np.linalg.norm(seen - truth, axis=1))
    return np.concatenate(found)


def edit(path, name, change):
    """Changes a column of a parquet file."""
    table = pq.read_table(path)
    index = table.column_names.index(name)
    kind = table.schema.field(name).type
    values = pa.array(change(table[name].to_pylist()), kind)
    pq.write_table(table.set_column(index, name, values), path)


def episodes_file(root):
    return root / "meta" / "episodes" / "chunk-000" / "file-000.parquet"


def contents(root):
    files = (p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_every_row_holds_what_its_own_frame_shows(tracked):
    # A step is 2.5 px, a neighboring episode 36 px away.
    assert off_px(tracked.out).max() < 0.3


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"preset": "medium", "g": "250", "bf": "3", "crf": "12"}),
        ("libsvtav1", {"preset": "8", "g": "90", "crf": "2", "svtav1-params": "lp=1"}),
    ],
)
def test_episode_that_begins_between_key_frames_is_found_exactly(
    copied, recipe, tmp_path, codec, options
):
    (file,) = (copied / "videos").rglob("*.mp4")
    shown = [picture(place) for n in range(len(LENGTHS)) for place in places_px(n)[0]]
    write_video(file, frames=shown, fps=FPS, codec=codec, options=options)
    track(requested(copied, recipe, tmp_path))
    assert off_px(tmp_path / "out").max() < 0.5


def test_video_whose_clock_does_not_begin_at_zero_is_read_by_its_stamps(copied, recipe, tmp_path):
    (file,) = (copied / "videos").rglob("*.mp4")
    shown = [picture(place) for n in range(len(LENGTHS)) for place in places_px(n)[0]]
    stamps_s = 3.5 + np.arange(len(shown)) / FPS
    made = write_video(tmp_path / "late.mkv", frames=shown, times_s=stamps_s)
    shutil.move(made, file)
    for end in ("from", "to"):
        edit(
            episodes_file(copied),
            f"videos/{CAMERA}/{end}_timestamp",
            lambda times: [3.5 + time for time in times],
        )
    track(requested(copied, recipe, tmp_path))
    assert off_px(tmp_path / "out").max() < 0.5


def test_all_else_is_as_it_was(data, tracked):
    before, after = contents(data), contents(tracked.out)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
    }
    assert set(after) - set(before) == {
        "meta/rotoscope/features.json",
        "meta/rotoscope/manifest.json",
        "meta/rotoscope/provenance.json",
    }
    for name in ("data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"):
        old, new = pq.read_table(data / name), pq.read_table(tracked.out / name)
        assert new.select(old.column_names).equals(old)
    for name in ("info.json", "stats.json"):
        old, new = (json.loads((r / "meta" / name).read_text()) for r in (data, tracked.out))
        old, new = old.get("features", old), new.get("features", new)
        assert {key: value for key, value in new.items() if key != COLUMN} == old


def test_lerobot_reads_every_row(tracked):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    loaded = LeRobotDataset("rotoscope/discs", root=tracked.out, video_backend="pyav")
    assert loaded.meta.features[COLUMN]["shape"] == (6,)
    assert set(loaded.meta.stats[COLUMN]) == set(loaded.meta.stats["action"])
    assert loaded.meta.stats[COLUMN]["count"] == sum(LENGTHS)
    rows = 0
    for number, length in enumerate(LENGTHS):
        places = places_px(number)[0]
        for row in range(length):
            item = loaded[rows]
            assert item["episode_index"] == number
            np.testing.assert_allclose(item[COLUMN][:2] * SIZE_PX, places[row], atol=0.3)
            column, line = np.floor(places[row]).astype(int)
            assert item[CAMERA][0, line, column] > 0.7
            rows += 1
    assert rows == len(loaded)


def test_doctor_finds_nothing_new(data, tracked):
    before, after = diagnose(data), diagnose(tracked.out)
    assert [c.verdict for c in after] == [c.verdict for c in before]
    assert not any(check.verdict == "FAIL" for check in after)


def test_labeler_learns_the_action_from_the_added_column(tracked, tmp_path):
    settings = [f"inputs=[{COLUMN}]", "kind=ridge", "window.before_s=0.05", "window.after_s=0.1"]
    # Held ends are no motion that a linear labeler can know, and four episodes are mostly ends.
    settings.append("window.at_ends=drop")
    labeler = train_labeler("inverse-dynamics", tracked.out, tmp_path / "labeler", settings)
    assert labeler.metrics["mean_r2"] > 0.9
    assert labeler.metrics["lag"] == 0


def test_second_run_takes_everything_from_the_store_and_writes_the_same(tracked):
    before = contents(tracked.out)
    again = track(tracked)
    assert [row.cpu_s for row in again.rows] == [0.0] * len(LENGTHS)
    assert again.replaced == ()
    assert contents(tracked.out) == before


def test_tracks_of_tracks_take_the_place_of_the_ones_before(tracked, recipe, tmp_path):
    other = build_recipe(recipe.as_raw(), ["track.colour.max_width_px=48"])
    again = track(requested(tracked.out, other, tmp_path))
    assert again.replaced == (COLUMN,)
    made = open_dataset(tmp_path / "out")
    assert list(made.info["features"]).count(COLUMN) == 1
    assert len(made.rotoscope("provenance.json")["tracks"]) == 2
    assert 0 < np.abs(off_px(tmp_path / "out") - off_px(tracked.out)).max() < 2


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_episode_that_crashes_is_not_known_and_others_are(data, tmp_path):
    recipe = build_recipe({"name": "red", "stages": [f"{SCENE}:Redness"]}, allow_code=True)
    result = track(requested(data, recipe, tmp_path))
    assert [row.status for row in result.rows] == ["done", "failed", "done", "done"]
    assert "WorkerCrashedError" in result.rows[1].error
    assert result.exit_code == 1
    assert set(result.columns) == {"track.red", "track.is_red"}
    made = open_dataset(tmp_path / "out")
    known = [np.isfinite(made.episode(n).columns["track.red"]) for n in range(4)]
    assert [k.all() for k in known] == [True, False, True, True]
    assert not known[1].any()
    flags = [np.mean(made.episode(n).columns["track.is_red"]) for n in range(4)]
    assert flags == [1, 0, 1, 1]
    assert "episode 1" in made.rotoscope("provenance.json")["tracks"][0]["failed"]
    assert "track.red" not in json.loads((tmp_path / "out" / "meta" / "stats.json").read_text())
    assert not any(check.verdict == "FAIL" for check in diagnose(tmp_path / "out"))


def test_nothing_is_written_where_every_episode_fails(data, tmp_path):
    recipe = build_recipe({"name": "bad", "stages": [f"{SCENE}:Crashing"]}, allow_code=True)
    with pytest.raises(DatasetError, match=r"none of 4 episodes.*episode 0 failed in .*Crashing"):
        track(requested(data, recipe, tmp_path))
    assert not (tmp_path / "out").exists()


def test_labelers_cuts_and_curation_of_a_recipe_are_left_out():
    alone = tracks_alone(load_recipe("inverse-dynamics"))
    assert [s.name for s in alone.stages] == [
        "hands", "camera", "lift", "smooth", "retarget.gripper"
    ]  # fmt: skip
    humanoid = tracks_alone(load_recipe("body-humanoid"))
    assert not any(s.name.startswith(("check.", "retarget.", "curate")) for s in humanoid.stages)
    with pytest.raises(RecipeError, match="no stage that gives tracks, only 'curate', 'label"):
        tracks_alone(load_recipe("inverse-dynamics-pixels"))
    with pytest.raises(RecipeError, match="takes motion files"):
        tracks_alone(load_recipe("motion-humanoid"))


def test_camera_must_be_there_and_meant(copied, recipe, tmp_path):
    with pytest.raises(UsageError, match=r"no camera 'wrist'; it has 'observation.images.front'"):
        track(requested(copied, recipe, tmp_path, camera="wrist"))
    path = copied / "meta" / "info.json"
    info = json.loads(path.read_text())
    info["features"]["observation.images.side"] = info["features"][CAMERA]
    path.write_text(json.dumps(info))
    table = pq.read_table(episodes_file(copied))
    for name in [n for n in table.column_names if n.startswith(f"videos/{CAMERA}/")]:
        table = table.append_column(name.replace("front", "side"), table[name])
    pq.write_table(table, episodes_file(copied))
    with pytest.raises(UsageError, match=r"several cameras; give --camera .*front', .*side'"):
        track(requested(copied, recipe, tmp_path))
    for feature in list(info["features"]):
        if feature.startswith("observation.images"):
            del info["features"][feature]
    path.write_text(json.dumps(info))
    with pytest.raises(UsageError, match="has no video"):
        track(requested(copied, recipe, tmp_path))


def test_clocks_that_disagree_stop_everything_before_any_work(copied, recipe, tmp_path):
    edit(
        episodes_file(copied),
        f"videos/{CAMERA}/from_timestamp",
        lambda times: [time + 0.5 / FPS for time in times],
    )
    with pytest.raises(DatasetError, match=r"episode 0: row 0 stands at 0.0250 s.*clocks of table"):
        track(requested(copied, recipe, tmp_path))
    assert not (tmp_path / "store").exists()


def test_video_of_another_rate_is_refused(copied, recipe, tmp_path):
    (file,) = (copied / "videos").rglob("*.mp4")
    write_video(file, frames=200, fps=2 * FPS)
    with pytest.raises(DatasetError, match=r"has 40 frames a second, info\.json says fps 20"):
        track(requested(copied, recipe, tmp_path))


def test_video_that_ends_early_is_refused(copied, recipe, tmp_path):
    (file,) = (copied / "videos").rglob("*.mp4")
    write_video(file, frames=sum(LENGTHS) - 1, fps=FPS)
    with pytest.raises(DatasetError, match="episode 3: row 25 stands at"):
        track(requested(copied, recipe, tmp_path))


def test_episodes_that_share_frames_are_refused(copied, recipe, tmp_path):
    name = f"videos/{CAMERA}/from_timestamp"
    edit(episodes_file(copied), name, lambda times: [times[0], times[1] - 2 / FPS, *times[2:]])
    with pytest.raises(DatasetError, match="episode 0 and episode 1 share frames 21 to 22 of"):
        track(requested(copied, recipe, tmp_path))


def test_missing_rows_and_files_are_named(copied, recipe, tmp_path):
    edit(episodes_file(copied), "length", lambda lengths: [lengths[0] + 1, *lengths[1:]])
    with pytest.raises(DatasetError, match="episode 0: meta/episodes says 24 rows, the data hold"):
        track(requested(copied, recipe, tmp_path))
    (file,) = (copied / "videos").rglob("*.mp4")
    edit(episodes_file(copied), "length", lambda lengths: [lengths[0] - 1, *lengths[1:]])
    file.unlink()
    with pytest.raises(DatasetError, match="is not there; copy the dataset whole"):
        track(requested(copied, recipe, tmp_path))


@pytest.mark.parametrize("out", ["data", "data/tracked", "."])
def test_dataset_itself_is_never_written_into(copied, recipe, tmp_path, out):
    before = contents(copied)
    request = TrackRequest(copied, recipe, tmp_path / out, store=tmp_path / "store")
    with pytest.raises(UsageError, match="name another folder"):
        track(request)
    assert contents(copied) == before


def test_out_that_holds_something_else_is_kept(data, recipe, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="was not written by rotoscope track"):
        track(requested(data, recipe, tmp_path))
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_someone_whom_no_track_is_about_is_refused(data, recipe, tmp_path):
    with pytest.raises(UsageError, match=r"about 'left'; there are tracks about \(none"):
        track(requested(data, recipe, tmp_path, subject="left"))
