"""`rotoscope record`, as a user would run it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.simulators.record_command import record_demonstrations
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.video.probe import probe

pytest.importorskip("gymnasium")
ENV = "gymnasium:CartPole-v1"


def test_actions_of_the_first_episodes_alone_are_told(tmp_path):
    out = tmp_path / "shown"
    arguments = ["--env", ENV, "--out", str(out), "--camera", "", "--episodes", "2"]
    done = CliRunner().invoke(app, ["record", *arguments, "--labeled", "1"])
    assert done.exit_code == 0, done.exception
    assert f"2 episodes of {ENV}" in done.output
    dataset = open_dataset(out)
    told, hidden = (dataset.episode(k).columns for k in range(2))
    assert np.asarray(told["label.valid"]).all()
    assert np.ptp(np.asarray(told["action"], float)) == 1
    assert not np.asarray(hidden["label.valid"]).any()
    assert not np.asarray(hidden["action"], float).any()
    assert dataset.video_key is None


def test_videos_hold_no_more_than_pictures(tmp_path):
    out = tmp_path / "videos"
    assert record_demonstrations("pusht", out, num_episodes=1, size_px=32, as_videos=True) == 1
    (file,) = out.iterdir()
    video = probe(file)
    assert (video.width, video.height) == (32, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"as_videos": True, "num_labelled": 1}, "videos hold no actions"),
        ({"size_px": 33}, "33 is odd"),
        ({"cameras": ["behind"]}, "has no camera 'behind'"),
        ({"noise": 0.0}, "0 is no share"),
    ],
)
def test_what_cannot_be_recorded_is_refused(settings, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        record_demonstrations(ENV, tmp_path / "out", num_episodes=1, **settings)


@pytest.mark.parametrize("as_videos", [False, True])
def test_nothing_is_recorded_into_what_is_there(as_videos, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    for out in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="is there and not empty"):
            record_demonstrations("pusht", out, num_episodes=1, as_videos=as_videos)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
