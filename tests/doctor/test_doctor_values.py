"""Actions, states, labels and statistics that cannot be right are found, named and placed."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from corruptions import (
    EPISODES,
    change_episode_lines,
    change_episodes,
    change_json,
    change_rows,
    expect,
    first_rows,
    only,
)

from rotoscope.pipeline.doctor.run import diagnose, exit_code


def test_shifted_actions_are_found(dataset):
    change_rows(dataset, action=lambda a: np.roll(a, 3, axis=0))
    expect(dataset, "action against state", "FAIL", "the state 1 rows later", "episode 0 frame 0")
    assert exit_code(diagnose(dataset)) == 1


@pytest.mark.parametrize("frames", [6, -6])
def test_actions_and_states_shifted_against_the_video_are_found(dataset, frames):
    starts = first_rows(dataset)

    def late(values):
        ends = [*starts[1:], len(values)]
        for a, b in zip(starts, ends, strict=True):
            rows = np.clip(np.arange(a, b) - frames, a, b - 1)
            values[a:b] = values[rows]
        return values

    change_rows(dataset, action=late, observation__state=late)
    side = "after" if frames > 0 else "before"
    expect(dataset, "lag", "WARN", f"over all episodes the action comes 6 frames {side} the video")


def test_lag_of_one_episode_is_found(dataset):
    start, end = first_rows(dataset)[2:4]

    def late(values):
        values[start:end] = values[np.maximum(np.arange(start, end) - 8, start)]
        return values

    change_rows(dataset, action=late, observation__state=late)
    expect(dataset, "lag", "WARN", "episode 2: the action comes 8 frames after the video")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["action", "observation__state"])
def test_nan_and_infinity_are_found(dataset, column, value):
    row = first_rows(dataset)[1] + 7

    def poke(values):
        values[row, 1] = value
        return values

    change_rows(dataset, **{column: poke})
    name = column.replace("__", ".")
    kind = "NaN" if np.isnan(value) else "infinite"
    expect(
        dataset, "finite", "FAIL", f"episode 1 frame 7: {name} arm_joint2.pos is {kind} (1 rows)"
    )


def test_nan_of_a_track_means_missing(dataset):
    def poke(values):
        values[3] = np.nan
        return values

    change_rows(dataset, track__point=poke)
    expect(dataset, "finite", "PASS", "missing in", "track.point")


def test_swapped_dimensions_are_found_by_their_limits(dataset):
    def swap(values):
        return values[:, [2, 1, 0]]

    change_rows(dataset, action=swap, observation__state=swap)
    expect(dataset, "limits", "FAIL", "episode 0 frame 0", "arm_joint1.pos", "allowed -2 to 2")


def test_dimensions_swapped_in_the_action_alone_are_found(dataset):
    change_rows(dataset, action=lambda a: a[:, [1, 0, 2]])
    expect(dataset, "action against state", "FAIL", "arm_joint1.pos")


def test_swapped_names_are_found(dataset):
    def swap(info):
        info["features"]["action"]["names"][:2] = ["arm_joint2.pos", "arm_joint1.pos"]

    change_json(dataset, "info.json", swap)
    expect(dataset, "contract", "FAIL", "action[0] is named 'arm_joint2.pos', the contract says")


def test_contract_of_another_robot_is_found(dataset):
    change_json(dataset, "rotoscope/contract.json", lambda c: c.update(robot="panda"))
    expect(dataset, "contract", "FAIL", "info.json says robot 'two_link', the contract 'panda'")


def test_row_out_of_limits_fails_where_it_claims_to_be_valid(dataset):
    def poke(values):
        values[5, 0] = 2.5
        return values

    change_rows(dataset, action=poke)
    expect(dataset, "limits", "FAIL", "episode 0 frame 5: action arm_joint1.pos is 2.5 rad")
    change_rows(dataset, label__valid=lambda v: np.where(np.arange(len(v)) == 5, False, v))
    expect(dataset, "limits", "WARN", "episode 0 frame 5")


def teleport(dataset):
    row = first_rows(dataset)[1] + 20

    def leap(values):
        values[row:, 0] += 0.5
        return values

    change_rows(dataset, action=leap, observation__state=leap)


def test_leap_beyond_the_rate_limit_fails(dataset):
    teleport(dataset)
    expect(dataset, "jumps", "FAIL", "episode 1 frame 20: observation.state arm_joint1.pos moves")


def test_leap_without_known_limits_is_a_warning(foreign):
    teleport(foreign)
    expect(foreign, "jumps", "WARN", "episode 1 frame 20: action arm_joint1.pos jumps by 0.")


def test_still_episode_and_dimension_are_found(dataset):
    start, end = first_rows(dataset)[1:3]

    def freeze(values):
        values[start:end] = values[start]
        values[:, 1] = 0.3
        return values

    change_rows(dataset, action=freeze, observation__state=freeze)
    expect(
        dataset,
        "still actions",
        "WARN",
        "1 of 3 dimensions never move: arm_joint2.pos",
        "episode 1: no dimension",
    )


def test_action_that_rests_while_the_video_moves_is_found(dataset):
    def freeze(values):
        keep = np.arange(len(values)) % 90 < 20
        values[~keep] = values[0]
        return values

    change_rows(dataset, action=freeze, observation__state=freeze)
    expect(dataset, "still actions", "WARN", "stands still in", "% of frames that move")


@pytest.mark.parametrize("key", ["mean", "std", "min", "max", "count"])
def test_wrong_statistics_are_found(dataset, key):
    def spoil(stats):
        stats["action"][key][-1] += 3

    change_json(dataset, "stats.json", spoil)
    expect(dataset, "statistics", "FAIL", f"{key} is", "the data give")


def test_wrong_statistics_of_one_episode_are_found(dataset):
    change_episodes(dataset, "stats/action/mean", lambda v: [v[0] + 0.2, *v[1:]])
    expect(dataset, "statistics", "FAIL", "episode 0 action arm_joint1.pos: mean is")


def test_missing_statistics_are_found(dataset):
    change_json(dataset, "stats.json", lambda stats: stats.pop("observation.images.front"))
    expect(dataset, "statistics", "FAIL", "says nothing about observation.images.front")


def test_same_actions_twice_are_found(dataset):
    starts = first_rows(dataset)
    rows = pq.read_table(only(dataset, "data/*/*.parquet")).num_rows

    def copy(values):
        ends = [*starts[1:], rows]
        a, b = 0, EPISODES - 1
        length = min(ends[a] - starts[a], ends[b] - starts[b])
        values[starts[b] : starts[b] + length] = values[starts[a] : starts[a] + length]
        return values

    def relabel(index):
        # Makes the copied part an episode of the same length as the first.
        index[starts[-1] + 90 :] = EPISODES
        return index

    change_rows(dataset, action=copy, episode_index=relabel)
    expect(dataset, "duplicates", "WARN", "episodes 0, 4 hold the same actions")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("label__reason", 3, "label.valid is True, label.reason 3 (1 rows)"),
        ("label__reason", 77, "label.reason 77 means nothing"),
    ],
)
def test_labels_that_make_no_sense_are_found(dataset, column, value, words):
    def poke(values):
        values[2] = value
        return values

    change_rows(dataset, **{column: poke})
    expect(dataset, "labels", "FAIL", f"episode 0 frame 2: {words}")


def test_more_valid_rows_than_are_written_of_are_found(dataset):
    change_episode_lines(dataset, lambda e: e["quality"].update(valid_rows=e["length"] - 3))
    expect(dataset, "labels", "PASS")
    change_episode_lines(dataset, lambda line: line["quality"].update(valid_rows=80))
    words = "episode 0: episodes.jsonl says 80 valid rows, the data hold 87"
    expect(dataset, "labels", "FAIL", words)


def test_mostly_invalid_dataset_is_a_warning(dataset):
    half = {"label__valid": lambda v: np.arange(len(v)) % 3 == 0}
    change_rows(dataset, **half, label__reason=lambda r: (np.arange(len(r)) % 3 != 0).astype(int))
    expect(dataset, "labels", "WARN", "only 33.3 % of rows are valid")
