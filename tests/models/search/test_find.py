"""Stretches planted at another speed are found at their rows, and become a dataset."""

import json
import math
import shutil

import carried_datasets
import carried_paths
import numpy as np
import pytest

from rotoscope.models.rewards.seen import Seen
from rotoscope.models.search.clip import open_clip
from rotoscope.models.search.find import FindRequest, _costs, find
from rotoscope.models.search.write import COST, write_found
from rotoscope.pipeline.alignment.dtw import align_everywhere
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.rewards.features import scale_of

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
def data(tmp_path_factory):
    """Episode 1 holds the clip, 2 to 4 hold it at other speeds, in 5 the hand is empty."""
    episodes = [
        *(other_way(90, 50), carried_paths.carried(), planted(0.5, 1)[0]),
        *(planted(1.0, 3)[0], planted(2.0, 2)[0], carried_paths.empty_handed(), np.ones((20, 4))),
    ]
    root = tmp_path_factory.mktemp("data") / "data"
    return carried_datasets.publish(root, episodes, camera="front")


@pytest.fixture(scope="module")
def other(data, tmp_path_factory):
    """The same once more."""
    return shutil.copytree(data, tmp_path_factory.mktemp("other") / "other")


def request(data, *datasets, **more):
    return FindRequest(f"{data}#1:{CLIP.start}-{CLIP.stop}", datasets, **more)


def test_planted_stretches_are_found_first_at_their_rows_whatever_their_speed(data):
    found = find(request(data, data)).stretches
    ends = {2: planted(0.5, 1)[1], 3: planted(1.0, 3)[1], 4: planted(2.0, 2)[1]}
    assert {one.source.index for one in found[:3]} == set(ends)
    for one in found[:3]:
        assert abs(one.start - 40) <= 3
        assert abs(one.end - ends[one.source.index]) <= 3
        assert one.cost < 0.25
        assert one.quantile < 0.05
    assert all(one.cost > 0.4 for one in found[3:])


def test_stretches_come_likest_first_and_share_no_row(data, other):
    found = find(request(data, other, count=99)).stretches
    assert (found[0].source.index, found[0].start, found[0].end) == (1, CLIP.start, CLIP.stop)
    costs = [one.cost for one in found]
    assert costs == sorted(costs)
    rows = [(one.source.index, row) for one in found for row in range(one.start, one.end)]
    assert len(rows) == len(set(rows))
    assert len(find(request(data, other, count=99, max_cost=costs[1])).stretches) == 2


def test_the_clip_does_not_find_itself(data):
    found = find(request(data, data, count=99)).stretches
    rows = {row for one in found if one.source.index == 1 for row in range(one.start, one.end)}
    assert not rows & set(range(CLIP.start, CLIP.stop))


def test_only_what_is_named_is_looked_at(data):
    def cost_of_the_empty_hand(*columns):
        found = find(request(data, data, count=99, seen=Seen(columns))).stretches
        return min((one.cost for one in found if one.source.index == 5), default=np.inf)

    assert cost_of_the_empty_hand("observation.state:hand.*") < 0.01
    assert cost_of_the_empty_hand() > 0.2


def test_rows_that_are_not_known_do_not_hide_a_stretch():
    asked = carried_paths.carried()[CLIP]
    rows, end = planted(1.0, 3)
    rows[50:53] = np.nan
    scale = scale_of([asked], carried_paths.NAMES)
    cost = _costs(asked, rows, scale)
    first = align_everywhere(cost)[0][0]
    assert np.abs(np.subtract(first.span, (40, end))).max() <= 3
    assert _costs(asked, np.full((9, 4), np.nan), scale) is None


def test_found_stretches_are_a_dataset_that_lerobot_reads(data, tmp_path):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    found = find(request(data, data, count=2))
    (out,) = write_found(found, tmp_path / "out")
    record = json.loads((out / "meta/rotoscope/found.json").read_text())
    assert record["clip"]["rows_of_episode"] == [1, CLIP.start, CLIP.stop]
    told = {tuple(one["rows_of_episode"]): one["cost"] for one in record["found"]}
    assert told == {(s.source.index, s.start, s.end): s.cost for s in found.stretches}
    read = LeRobotDataset("me/found", root=out, video_backend="pyav")
    source, first = open_dataset(data), record["found"][0]
    episode, start, end = first["rows_of_episode"]
    rows = range(end - start)
    np.testing.assert_array_equal(
        np.stack([read[row]["observation.state"].numpy() for row in rows]),
        source.episode(episode).columns["observation.state"][start:end],
    )
    assert float(read[0][COST]) == pytest.approx(first["cost"])
    assert read[0][carried_datasets.CAMERA].shape == (3, 64, 64)
    # What was found is replaced by what is found next, and nothing else is.
    write_found(find(request(data, data, count=1)), out)
    assert len(open_dataset(out)) == 1


def test_each_of_several_datasets_has_its_own(data, other, tmp_path):
    found = find(request(data, other, data, count=3))
    out = tmp_path / "out"
    assert write_found(found, out) == [out / "other", out / "data"]
    lengths = [len(open_dataset(out / name)) for name in ("other", "data")]
    assert lengths == [2, 1]


def test_places_that_are_taken_say_so(data, other, tmp_path):
    found = find(request(data, other))
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
        ("#7", "has no episode 7; it has 7"),
        ("#1:40-40", r"episode 1 has rows 0-60; rows 40-40 are no stretch"),
        ("#1:40-61", r"rows 40-61 are no stretch of it"),
    ],
)
def test_clips_that_are_none_say_so(data, rows, match):
    with pytest.raises(UsageError, match=match):
        open_clip(f"{data}{rows}")


def test_what_cannot_be_searched_says_so(data, other, tmp_path):
    with pytest.raises(UsageError, match="give --in DATASET"):
        find(request(data))
    with pytest.raises(UsageError, match="--count 0 and --max-cost inf are not"):
        find(request(data, other, count=0))
    with pytest.raises(UsageError, match="--max-cost nan are not"):
        find(request(data, other, max_cost=math.nan))
    with pytest.raises(DatasetError, match=r"has no column 'track\.no'"):
        find(request(data, other, seen=Seen(("track.no",))))
    with pytest.raises(DatasetError, match="moves in the"):
        find(FindRequest(f"{data}#6", (other,)))
    nothing = find(request(data, data, max_cost=0.0))
    assert nothing.stretches == ()
    with pytest.raises(DatasetError, match=r"was found, the likest stretch costs 0"):
        write_found(nothing, tmp_path / "out")
