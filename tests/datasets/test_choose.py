"""Episodes chosen by lists, conditions and shares."""

from pathlib import Path

import pytest

from rotoscope.pipeline.datasets import choose
from rotoscope.pipeline.datasets.facts import EpisodeFacts
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import UsageError


def some(videos):
    """A dataset of ten rows an episode, as far as choosing looks at it."""
    table = [{"episode_index": i, "length": 10} for i in range(len(videos))]
    return Dataset(
        Path("data"), {"features": {}}, table, {i: {"name": v} for i, v in enumerate(videos)}
    )


@pytest.fixture(autouse=True)
def _facts(monkeypatch):
    monkeypatch.setattr(
        choose,
        "episode_facts",
        lambda dataset: {i: EpisodeFacts(m, {}) for i, m in dataset.episodes_meta.items()},
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[0, 2, 5]", [0, 2, 5]),
        ("3 1\n2 # the best\n# none", [3, 1, 2]),
        ("0:3, 7", [0, 1, 2, 7]),
        ("1,1,1", [1]),
        ("", []),
    ],
)
def test_lists_are_read_as_people_and_lerobot_write_them(text, found):
    assert choose.numbers(text) == found


@pytest.mark.parametrize("text", ["a", "-1", "1.5", "[[1]]", "1:2:3"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(UsageError, match="episodes are numbers"):
        choose.numbers(text)


def test_conditions_compare_numbers_and_texts():
    known = {"valid_share": 0.9, "license": "CC-BY-4.0", "video": "kitchen/a.mp4"}
    for text, holds in (
        ("valid_share>=0.9", True),
        ("valid_share > 0.9", False),
        ("license=CC-*", True),
        ("license!=MIT", True),
        ("video=garden/*", False),
        ("unknown<1", False),
    ):
        assert choose.condition(text).holds(known) is holds, text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("valid_share", "is no condition"),
        ("license>3", "compare it with = or !="),
        ("valid_share>x", "is a number, and it is compared with"),
    ],
)
def test_condition_that_makes_no_sense_says_why(text, why):
    with pytest.raises(UsageError, match=why):
        choose.condition(text).holds({"valid_share": 0.9, "license": "MIT"})


def test_shares_keep_a_videos_episodes_together_whatever_the_order():
    videos = [f"v{i // 3}" for i in range(30)]
    found = choose.splits(some(videos), {"train": "0.7", "val": "0.3"})
    assert sorted(found["train"] + found["val"]) == list(range(30))
    by_name = {n: {videos[i] for i in indices} for n, indices in found.items()}
    assert not by_name["train"] & by_name["val"]
    assert len(by_name["train"]) == 7
    turned = choose.splits(some(videos[::-1]), {"train": "0.7", "val": "0.3"})
    assert {videos[::-1][i] for i in turned["train"]} == by_name["train"]


def test_shares_below_one_leave_the_rest_out_and_no_split_is_empty():
    videos = [f"v{i}" for i in range(10)]
    found = choose.splits(some(videos), {"a": "0.5", "b": "0.2"})
    assert (len(found["a"]), len(found["b"])) == (5, 2)
    assert choose.splits(some(["x", "y"]), {"a": "0.99", "b": "0.01"}).keys() == {"a", "b"}
    assert all(choose.splits(some(["x", "y"]), {"a": "0.99", "b": "0.01"}).values())


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"a": "0.8", "b": "0.3"}, "sum to 1 at most"),
        ({"a": "0.5", "b": "1:3"}, "not both"),
        ({"a": "0:2", "b": "1:3"}, "episode 1 is in 'a' and in 'b'"),
        ({"a": "0.2", "b": "0.2", "c": "0.2", "d": "0.2"}, "too few for 4 splits"),
    ],
)
def test_splits_that_cannot_be_are_refused(wanted, why):
    with pytest.raises(UsageError, match=why):
        choose.splits(some(["x", "y", "z"]), wanted)
