"""`rotoscope replay` on a dataset of a small arm: scores, filter, film, page, what is refused."""

import json
import re

import numpy as np
import pytest
from small_arm import write_arm
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.choose import known_of
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import RobotError, UsageError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.replay import film
from rotoscope.pipeline.replay.policy import distance_from_demonstration, roll_out
from rotoscope.pipeline.replay.run import Replay, ReplayRequest
from rotoscope.pipeline.robots import robots
from rotoscope.retarget.rendering.window import require_display

RATE_HZ = 30.0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An arm, and a dataset of two episodes for it, in the first of which five rows are no good."""
    folder = tmp_path_factory.mktemp("made")
    robot = str(write_arm(folder))
    joints = robots().joints(robot)
    contract = joints.contract(RATE_HZ).model_copy(update={"shift_s": 1 / RATE_HZ})
    t = np.arange(40) / RATE_HZ
    state = StateColumns(tuple(contract.names), "rad, percent", "Where the arm is.")
    with DatasetRecorder(contract, state, camera="") as recorder:
        for number, speed in enumerate((0.2, 0.4)):
            swing = speed * np.column_stack([np.sin(t), t / 3, -t / 3, -20 * t])
            valid = np.ones(40, bool)
            valid[10:15] = number > 0
            rows = joints.home + swing
            recorder.add(Rows(f"take{number}", "swing", rows, valid, np.full(40, 0.8), rows))
        recorder.publish(folder / "swings", made_by="test")
    return robot, folder / "swings"


def outcome(*arguments):
    """What a command that fails says."""
    done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    assert done.exit_code != 0
    said = str(done.exception) if isinstance(done.exception, UsageError) else done.output
    return said.replace("\n", " ")


def run(*arguments):
    return CliRunner().invoke(app, ["replay", *map(str, arguments)], catch_exceptions=False)


def test_scores_of_all_episodes_are_kept_and_can_be_chosen_by(made):
    robot, data = made
    done = run(data, "--episodes", "all", "--robot", robot)
    assert done.exit_code == 0, done.output
    lines = [
        json.loads(x) for x in (data / "meta/rotoscope/replay.jsonl").read_text().split("\n")[:2]
    ]
    assert [line["replay_rows"] for line in lines] == [35, 40]
    assert lines[0]["joints"].keys() == {"turn", "lift", "bend", "one_slide", "two_slide"}
    known = known_of(open_dataset(data))
    assert known[1]["replay_tip_error_mm_median"] == lines[1]["replay_tip_error_mm_median"]
    # A score of other actions says nothing of these.
    text = (data / "meta/rotoscope/replay.jsonl").read_text()
    (data / "meta/rotoscope/replay.jsonl").write_text(text.replace(lines[1]["digest"], "0" * 16))
    assert "replay_rows" in known_of(open_dataset(data))[0]
    assert "replay_rows" not in known_of(open_dataset(data))[1]


@pytest.mark.slow
def test_film_and_page_show_the_robot(made, tmp_path, monkeypatch):
    robot, data = made
    monkeypatch.setattr(film, "AREA_PX", 64 * 48)
    try:
        done = run(
            data, "--robot", robot, "--film", tmp_path / "a.mp4", "--page", tmp_path / "a.html"
        )
    except RobotError as error:
        pytest.skip(str(error))
    assert done.exit_code == 0, done.output
    import av

    with av.open(str(tmp_path / "a.mp4")) as opened:
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    played = Replay(open_dataset(data), ReplayRequest(robot=robot)).play(0)
    assert len(frames) == len(played.commands)
    assert frames[0].std() > 10
    page = (tmp_path / "a.html").read_text()
    assert 'src="data:video/mp4;base64,' in page
    assert page.count('class="chart"') == 6  # five joints and the tip
    assert "http" not in page.replace("http://www.w3.org", "")


def test_rows_are_held_or_skipped_as_asked(made):
    robot, data = made
    held, skipped = (
        Replay(open_dataset(data), ReplayRequest(robot=robot, invalid=how)).play(0)
        for how in ("hold", "skip")
    )
    assert held.commands.is_held.sum() == 5
    assert len(held.commands) == len(skipped.commands) + 5
    assert held.score.facts["replay_rows"] == skipped.score.facts["replay_rows"] == 35


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "does not come with Rotoscope; name the YAML file"),
        (["--robot", "panda"], "no column of .* holds the joints of panda"),
        (["--robot", "ROBOT", "--episode", "7"], "has no episode 7"),
        (["--robot", "ROBOT", "--episode", "0", "--episodes", "all"], "not both"),
        (["--robot", "ROBOT", "--episodes", "all", "--film", "a.mp4"], "take one episode"),
        (["--robot", "ROBOT", "--episode", "0", "--film", "a.gif"], "written as .mp4"),
    ],
)
def test_what_cannot_be_played_is_said(arguments, said, made, tmp_path, monkeypatch):
    robot, data = made
    monkeypatch.chdir(tmp_path)
    arguments = [robot if a == "ROBOT" else a for a in arguments]
    assert re.search(said, outcome(data, *arguments))


class GoesTo:
    """A policy that goes half of the way to a posture from where it sees the robot."""

    image_sizes: dict[str, tuple[int, int]] = {}  # noqa: RUF012 - nothing changes it

    def __init__(self, contract, goal, names=None):
        self.contract, self.goal = contract, goal
        self.state_names = {"observation.state": names or tuple(contract.names)}

    def reset(self, seed):
        pass

    def act(self, observation):
        seen = observation["observation.state"]
        return seen + 0.5 * (self.goal - seen)


def test_policy_moves_the_robot_from_the_first_valid_row(made):
    robot, data = made
    replay = Replay(open_dataset(data), ReplayRequest(robot=robot))
    goal = np.array([0.5, 0.4, 1.0, 60.0])
    found = roll_out(replay, 0, GoesTo(replay.contract, goal))
    begun = replay.dataset[0].columns["observation.state"][0]
    np.testing.assert_allclose(found.commands.values[0], begun + 0.5 * (goal - begun), atol=1e-4)
    np.testing.assert_allclose(found.played.values[-1], goal, atol=1.0)
    np.testing.assert_allclose(found.played.values[-1, :3], goal[:3], atol=0.02)
    assert distance_from_demonstration(found, replay) > 0.1


def test_policy_of_another_robot_is_refused(made):
    robot, data = made
    replay = Replay(open_dataset(data), ReplayRequest(robot=robot))
    other = robots().joints("panda").contract(RATE_HZ)
    with pytest.raises(UsageError, match="the policy's actions are panda_joint1"):
        roll_out(replay, 0, GoesTo(other, np.zeros(8)))
    with pytest.raises(UsageError, match="the policy sees task"):
        roll_out(replay, 0, GoesTo(replay.contract, np.zeros(4), names=("task",)))


def test_window_without_a_display_is_refused():
    with pytest.raises(RobotError, match=r"--film FILE\.mp4"):
        require_display({})
    require_display({"DISPLAY": ":0"})
