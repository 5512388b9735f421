"""PASS is said only of what was looked at: all else is UNTESTED, and says why."""

import shutil

import numpy as np
import pytest
from corruptions import change_json, change_rows, expect, found
from dataset_in_memory import raw_dataset

from benchmarks._small_dataset import publish_small
from rotoscope.pipeline.doctor.check import Check, Findings, exit_code, table
from rotoscope.pipeline.doctor.confidence import check_confidence
from rotoscope.pipeline.doctor.repeats import check_repeats
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.doctor.scale import check_scale

SIGMA = "track.hand.sigma"


def test_what_was_found_counts_even_where_the_rest_could_not_be_tested():
    findings = Findings("x", advice="mend it")
    findings.warn("odd")
    assert findings.untested("no video").verdict == "WARN"
    assert Findings("x", advice="").untested("no video") == Check("x", "UNTESTED", "no video")


def test_untested_is_no_failure_and_is_counted():
    checks = [Check("a", "UNTESTED", "no video"), Check("b", "PASS", "good")]
    assert exit_code(checks) == 0
    assert table(checks).splitlines() == [
        "UNTESTED  a  no video",
        "PASS      b  good",
        "1 PASS, 0 WARN, 0 FAIL, 1 UNTESTED",
    ]


def test_without_pictures_nothing_of_them_is_passed(tmp_path):
    publish_small(tmp_path / "dataset", episodes=2, rows=30)
    dataset = tmp_path / "dataset"
    shutil.rmtree(dataset / "videos")

    def forget(info):
        del info["features"]["observation.images.front"]

    change_json(dataset, "info.json", forget)
    for name in ("video clock", "lag", "repeated pictures", "camera"):
        assert found(dataset, name).verdict == "UNTESTED", name


def test_video_that_cannot_be_decoded_fails_once_and_the_rest_is_untested(dataset):
    (file,) = dataset.glob("videos/*/*/*.mp4")
    data = bytearray(file.read_bytes())
    data[len(data) // 4 : 3 * len(data) // 4] = bytes(len(data) // 2)
    file.write_bytes(data)
    said = {c.name: c.verdict for c in diagnose(dataset)}
    assert said["video clock"] == "FAIL"
    assert said["lag"] in ("UNTESTED", "PASS")


def test_few_rows_are_not_enough_to_tell(tmp_path):
    publish_small(tmp_path / "dataset", episodes=1, rows=8)
    expect(tmp_path / "dataset", "lag", "UNTESTED", "no episode is long enough")
    expect(tmp_path / "dataset", "repeated pictures", "UNTESTED", "no video was decoded")


@pytest.mark.parametrize(
    ("depth_m", "verdict", "words"),
    [(0.049, "PASS", "depth is known to 4.9 cm"), (0.11, "WARN", "depth is known to 11 cm")],
)
def test_depth_that_is_hardly_known_is_said(depth_m, verdict, words):
    sigma = np.tile([0.01, 0.012, depth_m, 0.2], (40, 1))
    sigma[30:] = 1.0
    raw = raw_dataset({"action": np.zeros((40, 1)), SIGMA: sigma}, valid=np.arange(40) < 30)
    check = check_scale(raw, [{"episode_index": 0, "scene": {"K_source": "assumed"}}])
    assert check.verdict == verdict
    assert words in check.message
    assert "across to 1.2 cm" in check.message
    assert ("give camera (camera.fx" in check.message) is (verdict == "WARN")


def test_a_camera_that_was_given_is_not_asked_for():
    sigma = np.tile([0.01, 0.01, 0.2, 0.2], (40, 1))
    raw = raw_dataset({"action": np.zeros((40, 1)), SIGMA: sigma})
    check = check_scale(raw, [{"episode_index": 0, "scene": {"K_source": "recipe"}}])
    assert check.verdict == "WARN"
    assert "camera.fx" not in check.message


def test_scale_that_nothing_tells_is_untested():
    assert check_scale(raw_dataset({"action": np.zeros((4, 1))}), []).verdict == "UNTESTED"
    unknown = raw_dataset({"action": np.zeros((4, 1)), SIGMA: np.full((4, 4), np.nan)})
    assert check_scale(unknown, []).verdict == "UNTESTED"


@pytest.mark.parametrize("value", [1.5, np.nan, -0.1])
def test_confidence_that_is_no_chance_is_found(dataset, value):
    def poke(values):
        values[2] = value
        return values

    change_rows(dataset, label__confidence=poke)
    expect(dataset, "confidence", "FAIL", "episode 0 frame 2: label.confidence is")


def confidence_of(values, valid):
    column = np.array(values, float)[:, None]
    return check_confidence(
        raw_dataset({"action": column, "label.confidence": column}, valid=valid)
    )


def test_low_confidence_and_confidence_in_rows_that_do_not_count_are_said():
    low = confidence_of([0.4, 0.5, 0.3, 0.0], [True, True, True, False])
    assert (low.verdict, low.detail["mean"]) == ("WARN", 0.4)
    assert "with a chance of 0.40" in low.message
    odd = confidence_of([0.9, 0.8, 0.7], [True, True, False])
    assert "episode 0 frame 2: label.confidence is 0.7 where label.valid is False" in odd.message
    same = confidence_of([1.0] * 4, [True] * 4)
    assert same.verdict == "PASS"
    assert "does not tell rows apart" in same.message
    assert confidence_of([0.0], [False]).verdict == "UNTESTED"


def repeating(every, *, moving=True):
    """Energies in which every so manieth picture is the one before, with the action moving."""
    rng = np.random.default_rng(5)
    energy = rng.uniform(1.0, 2.0, 120)
    energy[::every] = 0.01
    action = np.cumsum(rng.uniform(0.5, 1.0, 120))[:, None] * (1.0 if moving else 0.0)
    info = raw_dataset({"action": action})
    info.info["features"]["observation.images.front"] = {
        "dtype": "video", "shape": [64, 96, 3], "names": None
    }  # fmt: skip
    return info, {0: energy}


@pytest.mark.parametrize("every", [5, 3, 2])
def test_pictures_that_repeat_while_the_action_moves_are_seen_in_the_pictures(every):
    raw, energies = repeating(every)
    check = check_repeats(raw, energies, [])
    assert check.verdict == "WARN"
    assert check.detail["repeated"] == pytest.approx(1 / every, abs=0.03)


@pytest.mark.parametrize(("every", "is_more"), [(2, True), (10, False)])
def test_a_slow_source_does_not_hide_that_more_pictures_repeat_than_it_explains(every, is_more):
    raw, energies = repeating(every)
    source = {"source_rate_hz": 0.9 * raw.fps}
    line = {"episode_index": 0, "source": source, "scene": {"video_width": 64}}
    check = check_repeats(raw, energies, [line])
    assert check.verdict == "WARN"
    assert ("most in 0: 49 % of rows" in check.message) == is_more


def test_pictures_that_repeat_while_nothing_moves_are_no_fault():
    raw, energies = repeating(4, moving=False)
    assert check_repeats(raw, energies, []).verdict == "PASS"
    still = {0: np.random.default_rng(0).uniform(0.0, 0.4, 120)}
    assert check_repeats(repeating(4)[0], still, []).verdict == "PASS"


def test_what_lerobots_own_tools_leave_behind_is_not_a_failure(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lerobot = pytest.importorskip("lerobot.datasets")
    twice = [lerobot.LeRobotDataset(f"me/{n}", root=dataset) for n in ("a", "b")]
    merged, rest = tmp_path / "merged", tmp_path / "rest"
    lerobot.merge_datasets(twice, output_repo_id="me/merged", output_dir=merged)
    lerobot.delete_episodes(twice[0], episode_indices=[0], output_dir=rest, repo_id="me/rest")
    for out in (merged, rest):
        expect(out, "statistics", "PASS", "episode_index, index are from before LeRobot's tools")
        assert exit_code(diagnose(out)) == 0
    change_json(rest, "stats.json", lambda said: said["action"].update(mean=[9.0, 9.0, 9.0]))
    expect(rest, "statistics", "FAIL", "action")
