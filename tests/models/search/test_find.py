"""Stretches planted at another speed are found at their rows, and become a dataset."""

import json
import math

import carried_datasets
import carried_paths
import numpy as np
import pytest

from rotoscope.models.rewards.seen import Seen
from rotoscope.models.search.clip import open_clip
from rotoscope.models.search.find import FindRequest, find
from rotoscope.models.search.write import COST, write_found
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError

CLIP = slice(20, 50)
NOISE_M = 0.01


def other_way(rows, seed):
    """Hand and thing wander about."""
    steps = 0.05 * np.random.default_rng(seed).normal(size=(rows, len(carried_paths.NAMES)))
    return np.cumsum(steps, axis=0)


def at_speed(rows, speed, seed):
    """The same way at another speed, each number a little off."""
    times = np.linspace(0, len(rows) - 1, round(len(rows) / speed))
    out = np.stack([np.interp(times, np.arange(len(rows)), one) for one in rows.T], axis=1)
    return out + NOISE_M * np.random.default_rng(seed).normal(size=out.shape)


def planted(speed, seed):
    """An episode that holds the clip at another speed from row 40 on, and where it ends."""
    part = at_speed(carried_paths.carried()[CLIP], speed, seed)
    ways = [other_way(40, seed), part, other_way(40, seed + 100)]
    return np.concatenate(ways), 40 + len(part)


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    root = tmp_path_factory.mktemp("demos") / "demos"
    return carried_datasets.publish(root, [other_way(30, 50), carried_paths.carried()])


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Episode 1 holds the clip at half the speed, episode 2 at twice its speed."""
    episodes = [other_way(90, 51), planted(0.5, 1)[0], planted(2.0, 2)[0]]
    root = tmp_path_factory.mktemp("other") / "other"
    return carried_datasets.publish(root, episodes, camera=carried_datasets.CAMERA)


def request(demos, *datasets, **more):
    return FindRequest(f"{demos}#1:{CLIP.start}-{CLIP.stop}", datasets, **more)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_planted_stretch_is_found_first_at_its_rows(demos, tmp_path, speed):
    episode, end = planted(speed, seed=round(10 * speed))
    root = carried_datasets.publish(tmp_path / "one", [other_way(100, 60), episode])
    first, *others = find(request(demos, root)).stretches
    assert first.source.index == 1
    assert abs(first.start - 40) <= 3
    assert abs(first.end - end) <= 3
    assert first.cost < 0.2
    assert all(other.cost > 5 * first.cost for other in others)
    assert first.quantile < 0.05


def test_stretches_come_likest_first_and_share_no_row(demos, other):
    found = find(request(demos, other, count=99)).stretches
    costs = [one.cost for one in found]
    assert costs == sorted(costs)
    assert {one.source.index for one in found[:2]} == {1, 2}
    rows = [(one.source.index, row) for one in found for row in range(one.start, one.end)]
    assert len(rows) == len(set(rows))
    assert find(request(demos, other, count=99, max_cost=costs[1])).stretches[-1].cost == costs[1]


def test_the_clip_does_not_find_itself(demos):
    found = find(request(demos, demos, count=99)).stretches
    assert found
    assert not [
        one
        for one in found
        if one.source.index == 1 and one.start < CLIP.stop and one.end > CLIP.start
    ]


def test_only_what_is_named_is_looked_at(demos, other, tmp_path):
    empty = carried_datasets.publish(tmp_path / "empty", [carried_paths.empty_handed()])
    hand = find(request(demos, empty, seen=Seen(("observation.state:hand.*",)))).stretches[0]
    both = find(request(demos, empty)).stretches[0]
    assert hand.cost < 0.01
    assert both.cost > 0.2


def test_rows_that_are_not_known_do_not_hide_a_stretch(demos, tmp_path):
    episode, end = planted(1.0, 3)
    episode[50:52] = np.nan
    root = carried_datasets.publish(tmp_path / "gap", [episode])
    first = find(request(demos, root)).stretches[0]
    assert abs(first.start - 40) <= 3
    assert abs(first.end - end) <= 3


def test_found_stretches_are_a_dataset_that_lerobot_reads(demos, other, tmp_path):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    found = find(request(demos, other, count=2))
    (out,) = write_found(found, tmp_path / "out")
    record = json.loads((out / "meta/rotoscope/found.json").read_text())
    assert record["clip"]["rows_of_episode"] == [1, CLIP.start, CLIP.stop]
    told = {tuple(one["rows_of_episode"]): one["cost"] for one in record["found"]}
    assert told == {(s.source.index, s.start, s.end): s.cost for s in found.stretches}
    read = LeRobotDataset("me/found", root=out, video_backend="pyav")
    source, first = open_dataset(other), record["found"][0]
    episode, start, end = first["rows_of_episode"]
    rows = range(end - start)
    np.testing.assert_array_equal(
        np.stack([read[row]["observation.state"].numpy() for row in rows]),
        source.episode(episode).columns["observation.state"][start:end],
    )
    assert float(read[0][COST]) == pytest.approx(first["cost"])
    assert read[0][carried_datasets.CAMERA].shape == (3, 64, 64)
    # What was found is replaced by what is found next, and nothing else is.
    write_found(find(request(demos, other, count=1)), out)
    assert len(open_dataset(out)) == 1


def test_each_of_several_datasets_has_its_own(demos, other, tmp_path):
    found = find(request(demos, other, demos, count=99))
    out = tmp_path / "out"
    assert write_found(found, out) == [out / "other", out / "demos"]
    number = sum(one.source.dataset.root == other for one in found.stretches)
    assert len(open_dataset(out / "other")) == number


def test_places_that_are_taken_say_so(demos, other, tmp_path):
    found = find(request(demos, other))
    with pytest.raises(UsageError, match="itself, or one lies in the other"):
        write_found(found, other)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="was not written by rotoscope find"):
        write_found(found, tmp_path)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("", "names no stretch; write DATASET#EPISODE"),
        ("#1:5:9", "names no stretch"),
        ("#7", "has no episode 7; it has 2"),
        ("#1:40-40", r"episode 1 has rows 0-60; rows 40-40 are no stretch"),
        ("#1:40-61", r"rows 40-61 are no stretch of it"),
    ],
)
def test_clips_that_are_none_say_so(demos, rows, match):
    with pytest.raises(UsageError, match=match):
        open_clip(f"{demos}{rows}")


def test_what_cannot_be_searched_says_so(demos, other, tmp_path):
    with pytest.raises(UsageError, match="give --in DATASET"):
        find(request(demos))
    with pytest.raises(UsageError, match="--count 0 and --max-cost inf are not"):
        find(request(demos, other, count=0))
    with pytest.raises(UsageError, match="--max-cost nan are not"):
        find(request(demos, other, max_cost=math.nan))
    with pytest.raises(DatasetError, match=r"has no column 'track\.no'"):
        find(request(demos, other, seen=Seen(("track.no",))))
    still = carried_datasets.publish(tmp_path / "still", [np.ones((20, 4))])
    with pytest.raises(DatasetError, match="moves in the"):
        find(FindRequest(f"{still}#0", (other,)))
    nothing = find(request(demos, other, max_cost=0.0))
    assert nothing.stretches == ()
    with pytest.raises(DatasetError, match=r"was found, the likest stretch costs 0\.0"):
        write_found(nothing, tmp_path / "out")
