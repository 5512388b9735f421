"""Folders of ordinary video, whose pictures come in every shape."""

import numpy as np
import pytest
from PIL import Image
from video_files import write_video

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.read import read_unlabelled
from rotoscope.pipeline.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    white = [np.full((48, 96, 3), 255, np.uint8)] * 6
    tall = [np.full((96, 48, 3), 255, np.uint8)] * 6
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a_wide.mp4", frames=white, size=(96, 48))
    write_video(tmp_path / "videos" / "b_tall.mp4", frames=tall, size=(48, 96))
    return tmp_path / "videos"


def test_pictures_of_another_shape_get_bars(folder):
    found = read_unlabelled([folder], LatentActionConfig(image_size=32))
    assert found.picture_shape == (96, 48)
    wide, tall = (video.images[0].mean(2) for video in found.videos)
    assert wide.min() > 200
    # 48 x 96 in 96 x 48 is a quarter as wide as the square it is squeezed into.
    seen = (tall > 128).all(0)
    assert np.flatnonzero(seen).tolist() == list(range(12, 20))


def test_folder_of_pictures_with_a_rate_is_one_of_the_videos(folder):
    (folder / "rgb").mkdir()
    for number in range(4):
        Image.new("RGB", (96, 48), "white").save(folder / "rgb" / f"{number}.png")
    (folder / "rgb" / "frames.yaml").write_text("rate_hz: 5")
    found = read_unlabelled([folder], LatentActionConfig(image_size=32)).videos
    assert [video.name for video in found] == ["a_wide.mp4", "b_tall.mp4", "rgb"]
    assert found[2].time_s == pytest.approx([0.0, 0.2, 0.4, 0.6])


def test_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no video"):
        read_unlabelled([tmp_path], LatentActionConfig())


def test_giving_one_setting_of_the_loop_keeps_the_others():
    config = LatentActionConfig.model_validate({"loop": {"num_steps": 5}})
    assert config.loop.num_steps == 5
    assert config.loop.batch_size == LatentActionConfig().loop.batch_size == 16
