"""Hands from a file beside a video through the whole recipe `hand-gripper-file`."""

import json

import numpy as np
from human_hands import hand_joints, seen
from lamp_runs import statuses
from video_files import write_video

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest

FRAMES = 50


def noise(index, width, height):
    """The same picture again and again, full of corners: a camera that surely is still."""
    squares = np.random.default_rng(0).integers(40, 220, (height // 8, width // 8, 3), np.uint8)
    return squares.repeat(8, 0).repeat(8, 1)


def write_hands(folder, *, shift_m=0.0):
    joints_m = seen(hand_joints(0.5 + 0.2 * np.sin(np.arange(FRAMES) / 16))).joints_m
    np.savez(
        folder / "a.hands.npz",
        joints_m=joints_m + np.array([shift_m, 0.0, 0.0]),
        side=["right"] * FRAMES,
        frame=np.arange(FRAMES),
        confidence=np.full(FRAMES, 0.9),
    )


def test_hands_of_a_file_become_a_dataset_and_other_hands_another(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a.mp4", frames=FRAMES, size=(320, 240), paint=noise)
    write_video(videos / "b.mp4", frames=FRAMES + 1, size=(320, 240), paint=noise)

    def run():
        recipe = load_recipe("hand-gripper-file")
        return label(LabelRequest((videos,), recipe, tmp_path / "out", store=tmp_path / "store"))

    write_hands(videos)
    first = run()
    assert statuses(first) == {"a.mp4": "done", "b.mp4": "failed"}
    assert first.rows[1].message.startswith("b.mp4 has no file of hands beside it: looked for b.h")
    lines = (first.dataset / "meta/rotoscope/episodes.jsonl").read_text().splitlines()
    (episode,) = map(json.loads, lines)
    assert episode["quality"]["hands_source"] == "a.hands.npz"
    assert episode["quality"]["hands_sigma"] == "assumed"
    assert episode["quality"]["camera_motion"] == "still"
    assert episode["quality"]["valid_share"] > 0.5
    again = run()
    assert (again.is_new, again.rows[0].episodes) == (False, first.rows[0].episodes)
    write_hands(videos, shift_m=0.02)
    other = run()
    assert other.is_new
    assert other.rows[0].episodes != first.rows[0].episodes
    assert "scene_points" in first.rows[0].detail["cpu_s"]
    assert "scene_points" not in other.rows[0].detail["cpu_s"]  # the video itself is the same
