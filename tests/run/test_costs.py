"""What labeling costs is learned from what it cost, and a run is described without being made."""

import json

import numpy as np
import pytest
from video_files import write_video

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run import count
from rotoscope.pipeline.run.costs import DEFAULTS, Cost, Seen, learned, recall, remember
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest


@pytest.mark.parametrize(
    "true", [Cost(0.5, 10.0, 0.0), Cost(0.0, 1.0, 4.0), Cost(2.0, 0.0, 0.0), Cost(0.1, 30.0, 8.0)]
)
def test_costs_that_were_are_found_again(true):
    rng = np.random.default_rng(3)
    seen = [
        Seen(n, mp, {"hands": true.of(n, mp) * rng.uniform(0.9, 1.1)})
        for n, mp in zip(
            rng.integers(10, 900, 30).tolist(), rng.choice([0.3, 0.9, 2.1], 30), strict=True
        )
    ]
    found = learned(seen, ["hands", "body"])
    for n, mp in ((20, 0.3), (400, 0.9), (2000, 2.1)):
        assert found["hands"].of(n, mp) == pytest.approx(true.of(n, mp), rel=0.25)
    assert found["body"] == DEFAULTS["body"]


def test_one_video_says_more_than_the_guess():
    (found,) = learned([Seen(100, 0.3, {"hands": 6.0})], ["hands"]).values()
    assert 4.5 < found.of(100, 0.3) < 6.5
    assert DEFAULTS["hands"].of(100, 0.3) < 2.0


def test_torn_and_foreign_lines_are_skipped(tmp_path):
    one = Seen(10, 0.3, {"hands": 1.0})
    remember(tmp_path, one)
    with (tmp_path / "costs.jsonl").open("a") as file:
        file.write('{"frames": 10, "megap')
    remember(tmp_path, one)
    with (tmp_path / "costs.jsonl").open("a") as file:
        file.write(json.dumps({"frames": "ten"}) + "\n")
    assert recall(tmp_path) == [one, one]
    assert recall(tmp_path / "nothing") == []


def test_what_cannot_be_kept_stops_no_run(tmp_path):
    (tmp_path / "costs.jsonl").mkdir()
    remember(tmp_path, Seen(10, 0.3, {}))


@pytest.fixture
def request_for(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(5):
        write_video(folder / f"{number}.mp4", frames=40 + number, fps=30, size=(64, 48))
    recipe = load_recipe("hand-gripper", ["curate.min_episode_s=0.1"])
    return LabelRequest((folder,), recipe, tmp_path / "out", tmp_path / "store")


def children(monkeypatch):
    """How many files each child is given to look at."""
    given, run = [], count.run_isolated
    monkeypatch.setattr(
        count,
        "run_isolated",
        lambda function, job, **more: given.append(len(job.paths)) or run(function, job, **more),
    )
    return given


def test_many_files_are_looked_at_in_one_child(request_for, monkeypatch):
    given = children(monkeypatch)
    plan = describe(request_for)
    assert (plan.num_videos, plan.num_frames, plan.problems) == (5, 210, ())
    assert given == [5]


def test_a_file_that_is_no_video_costs_only_itself(request_for, monkeypatch):
    (request_for.inputs[0] / "2.mp4").write_bytes(b"no video")
    given = children(monkeypatch)
    plan = describe(request_for)
    assert given == [5]
    assert [(p.name, p.error) for p in plan.problems] == [("2.mp4", "NotAVideoError")]
    assert plan.num_frames == 210 - 42


def test_a_file_that_ends_its_child_costs_only_itself(request_for, monkeypatch):
    """Whatever ends the process: here a limit that no child can keep."""
    given, run = [], count.run_isolated

    def bad(function, job, **more):
        given.append([p.stem for p in job.paths])
        if "3" in given[-1]:
            more["on_message"]("probe", given[-1].index("3"), 0)
            raise count.WorkerError("the child process died (SIGSEGV)")
        return run(function, job, **more)

    monkeypatch.setattr(count, "run_isolated", bad)
    plan = describe(request_for)
    assert [(p.name, p.status) for p in plan.problems] == [("3.mp4", "failed")]
    assert plan.num_frames == 210 - 43
    assert given == [["0", "1", "2", "3", "4"], ["4"], ["3"], ["0", "1", "2"]]


def test_the_estimate_is_learned_from_the_store_and_leaves_out_what_is_stored(request_for):
    before = describe(request_for)
    assert before.num_measured == 0
    (row, *_) = label(LabelRequest(
        (request_for.inputs[0] / "0.mp4",), request_for.recipe,
        request_for.out.with_name("one"), request_for.store,
    )).rows  # fmt: skip
    after = describe(request_for)
    assert (after.num_measured, after.num_finished) == (1, 1)
    assert after.cpu_s == pytest.approx(4 * row.cpu_s, rel=0.5)
