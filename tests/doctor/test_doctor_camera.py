"""Cameras that moved, and cameras of which nobody can tell, are named."""

import json

from corruptions import change_rows, expect

from rotoscope.pipeline.tracks import REASONS


def say_of_cameras(dataset, kinds):
    path = dataset / "meta" / "rotoscope" / "episodes.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line, kind in zip(lines, kinds, strict=False):
        line["quality"]["camera_motion"] = kind
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_rows_in_which_the_camera_moved_are_counted(dataset):
    def moved(values):
        values[10:17] = REASONS.index("camera_moved")
        return values

    def not_valid(values):
        values[10:17] = 0
        return values

    change_rows(dataset, label__reason=moved, label__valid=not_valid)
    expect(dataset, "camera", "WARN", "in 7 rows the camera moved")


def test_episodes_whose_camera_is_unknown_are_named(dataset):
    say_of_cameras(dataset, ["still", "unknown", "turning", "unknown"])
    expect(dataset, "camera", "WARN", "in 2 episodes (first 1)", "too little background")


def test_known_cameras_are_nothing_to_look_at(dataset):
    say_of_cameras(dataset, ["still", "turning", "moving"])
    expect(dataset, "camera", "PASS", "of 3 episodes: camera 1 still, 1 turning, 1 moving")


def test_where_nothing_says_what_the_camera_did_nothing_was_tested(dataset):
    expect(dataset, "camera", "UNTESTED", "nothing says what the camera did")


def test_damaged_list_of_episodes_is_a_failure_and_no_crash(dataset):
    (dataset / "meta" / "rotoscope" / "episodes.jsonl").write_text('{"episode_index": -1}\n')
    expect(dataset, "labels", "FAIL", "is damaged")
