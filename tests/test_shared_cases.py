"""Small inputs of other people's bug reports, each with the value that is right."""

import tarfile

import numpy as np
import pytest

from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import RecipeError, UnreasonableVideoError
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.sources import say_left_out
from rotoscope.pipeline.testing import a_body_track, a_clip
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames
from rotoscope.retarget.ground.stage import Ground, GroundConfig
from rotoscope.retarget.onboarding.check import check

pytestmark = pytest.mark.realdata
ADULT = "lift.palm_length_m=0.0938"


@pytest.fixture
def case(shared_data, request):
    folder = shared_data.parent / "cases"
    found = sorted(folder.glob(f"{request.param}_*")) if folder.is_dir() else []
    if not found:
        pytest.skip("the shared folder of sample cases is absent")
    return found[0]


def of(number):
    return pytest.mark.parametrize("case", [number], indirect=True, ids=[f"case{number}"])


def labeled(tmp_path, path, *overrides):
    request = LabelRequest(
        inputs=(path,),
        recipe=load_recipe("hand-gripper", overrides),
        out=tmp_path / "out",
        store=tmp_path / "store",
    )
    result = label(request)
    assert result.dataset is not None, [row.message for row in result.rows]
    return open_dataset(result.dataset)


def unpacked(tmp_path, archive):
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    return next(path for path in tmp_path.iterdir() if path.is_dir())


def wrist_error_m(dataset, truth_m):
    """Median distance of the wrist to the truth of the frames that rows come from."""
    errors = []
    for number in range(len(dataset.table)):
        rows = dataset.episode(number)
        wrist = np.asarray(rows.columns["track.hand.wrist"], float)[:, :3]
        valid = np.asarray(rows.columns["label.valid"], bool).ravel()
        first = rows.meta["source"]["first_frame"]
        errors.append(np.linalg.norm(wrist - truth_m[first : first + len(wrist)], axis=1)[valid])
    return float(np.median(np.concatenate(errors)))


@of("01")
def test_joined_takes_follow_each_other(case):
    found = probe(case / "two_takes.ts")
    assert (found.num_frames, round(found.rate_hz), round(found.duration_s, 2)) == (60, 30, 2.0)
    found = probe(case / "takes_of_60_and_25_frames.ts")
    assert (found.num_frames, round(found.duration_s, 2)) == (85, 2.83)


@of("03")
def test_slow_motion_lasts_as_long_as_it_was_filmed(case):
    found = probe(case / "android_slowmo_120.mp4")
    assert (found.num_frames, round(found.duration_s, 3)) == (60, 0.5)


@of("04")
@pytest.mark.parametrize(("name", "frames"), [("n.flv", 60), ("ff.mpg", 25), ("dvd.mpg", 52)])
def test_containers_that_add_streams_are_read(case, name, frames):
    found = probe(case / name)
    assert found.num_frames == frames
    assert (found.width, found.height) == ((720, 576) if name == "dvd.mpg" else (160, 120))


@of("07")
def test_gvhmrs_result_is_its_world(case):
    motion = read_motion(case / "hmr4d_results.pt")
    assert (motion.up, motion.rate_hz) == ("y", 30)
    pelvis = motion.joints_m[:, BODY_JOINTS.index("pelvis")]
    np.testing.assert_allclose(pelvis[-1] - pelvis[0], [1, 0, 0], atol=0.02)


@of("08")
@pytest.mark.parametrize("name", ["f2997.tgz", "f2997_short_last_episode.tgz"])
def test_picture_of_a_row_is_that_rows_at_2997(case, name, tmp_path):
    dataset = open_dataset(unpacked(tmp_path, case / name))
    assert dataset.fps == 29.97
    for number in range(len(dataset.table)):
        rows = dataset.episode(number)
        for k, image in enumerate(read_images(rows, range(rows.num_rows), dataset.fps)):
            lower = image[image.shape[0] // 2 :].mean(axis=(0, 2))
            bars = lower.reshape(8, -1)[:, 2:-2].mean(axis=1) > 128
            assert int((bars << np.arange(8)).sum()) == k


@of("09")
@pytest.mark.parametrize("name", ["hlg.mov", "pq.mov"])
def test_high_dynamic_range_has_the_contrast_of_the_original(case, name):
    plain = case.parent / "15_one_focal_length_many_sizes" / "plain.mp4"
    shown, standard = (next(read_frames(probe(p))).rgb for p in (case / name, plain))
    assert shown.std() == pytest.approx(standard.std(), rel=0.05)
    assert shown.mean() == pytest.approx(standard.mean(), abs=6)


@of("10")
def test_what_a_folder_left_out_is_said(case):
    assert say_left_out([case], "video").startswith("left out: ")


@of("11")
def test_limits_in_degrees_are_taken_for_degrees_with_a_warning(case):
    report = check(str(case / "degrees.urdf"))
    guesses = {item.key: item.why for item in report.proposal.open if item.is_guess}
    assert "a_bend" in guesses["joints.<name>.lower and .upper"]
    assert np.abs([report.robot.lower, report.robot.upper]).max() < 2.0


@of("13")
def test_mirrored_selfie_is_the_hand_that_it_is(case, tmp_path):
    truth_m = np.load(case / "truth_wrist_m.npz")["wrist"]
    dataset = labeled(tmp_path, case / "selfie.mp4", "hands.mirrored=true", "camera.fx=600", ADULT)
    assert {dataset.episode(k).meta["source"]["subject"] for k in range(len(dataset.table))} == {
        "right"
    }
    assert wrist_error_m(dataset, truth_m) < 0.04


@of("14")
def test_bars_are_no_part_of_the_view(case, tmp_path):
    dataset = labeled(tmp_path, case / "pillarbox.mp4", ADULT)
    K = np.array(dataset.episode(0).meta["scene"]["K"])
    assert K[0, 0] == pytest.approx(320 / np.tan(np.radians(32.5)), rel=0.02)
    assert wrist_error_m(dataset, np.load(case / "truth_wrist_m.npz")["wrist"]) < 0.1


@of("15")
def test_one_focal_length_for_two_sizes_is_refused(case, tmp_path):
    with pytest.raises(RecipeError, match=r"640 x 480 .*1280 x 960"):
        labeled(tmp_path, case, "camera.fx=600", ADULT)


@of("16")
def test_spherical_file_is_no_pinhole(case):
    with pytest.raises(UnreasonableVideoError, match="a spherical picture"):
        probe(case / "spherical.mp4")


@of("18")
def test_tpose_in_front_is_not_valid_and_the_rest_as_without(case):
    bodies = []
    for name in ("no_tpose2.bvh", "tpose_first2.bvh"):
        motion = read_motion(case / name)
        track = a_body_track(motion.joints_m)
        tracks = Ground(GroundConfig(up="z")).run(a_clip(motion.time_s), {"body.person0": track})
        bodies.append(tracks["body.person0"])
    assert bodies[0].valid.all()
    assert list(np.flatnonzero(~bodies[1].valid)) == [0]


@of("19")
def test_source_slower_than_the_rows_is_said(case, tmp_path):
    labeled(tmp_path, case / "hand24.mp4", "camera.fx=600", ADULT)
    warned = [c.message for c in diagnose(tmp_path / "out") if c.verdict == "WARN"]
    assert any("24 pictures a second for 30 rows" in message for message in warned)


@of("20")
def test_dataset_of_other_origin_has_a_report(case, tmp_path):
    write_report(unpacked(tmp_path, case / "a.tgz"), tmp_path / "page.html")
    assert "rows per second" in (tmp_path / "page.html").read_text()
