"""Intrinsics in pixels that were taken for pictures of several sizes are said."""

from rotoscope.pipeline.datasets.camera_sizes import mixed_sizes


def line(name: str, width: int, fx: float, source: str = "recipe") -> dict:
    K = [[fx, 0, width / 2], [0, fx, 240], [0, 0, 1]]
    scene = {"video_width": width, "video_height": 480, "K": K, "K_source": source}
    return {"name": name, "episode_index": 0, "scene": scene}


def test_one_focal_length_for_two_sizes_is_said():
    text = mixed_sizes([line("a.mp4", 640, 600), line("b.mp4", 1280, 600), line("c.mp4", 640, 600)])
    assert text.startswith(
        "one focal length, 600 px, was taken for pictures of 640 x 480 (2, such as a.mp4) and "
        "1280 x 480 (1, such as b.mp4)"
    )


def test_scaled_and_estimated_ones_and_one_size_are_not():
    assert mixed_sizes([line("a.mp4", 640, 600), line("b.mp4", 1280, 1200)]) == ""
    assert (
        mixed_sizes([line("a.mp4", 640, 500, "assumed"), line("b.mp4", 1280, 500, "notes")]) == ""
    )
    assert mixed_sizes([line("a.mp4", 640, 600)] * 3 + [{"episode_index": 4}]) == ""
