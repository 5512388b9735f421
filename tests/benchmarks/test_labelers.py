from pathlib import Path

import numpy as np
import pytest

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import probes, reference, render, scores, sections, trivial
from benchmarks.labelers.cells import Cell, Row, cell_key, measured
from benchmarks.labelers.episodes import Demonstration
from benchmarks.labelers.labeler import Labeler

GAIN_M = 0.01


def episode(seed: int, *, steps: int = 60) -> Demonstration:
    """A hand that moves a centimeter a step for an action of 1, and a gripper that follows."""
    generator = np.random.default_rng(seed)
    actions = np.clip(np.cumsum(generator.normal(0, 0.3, (steps, 4)), axis=0), -0.95, 0.95)
    observations = np.zeros((steps + 1, 8))
    observations[1:, :3] = GAIN_M * np.cumsum(actions[:, :3], axis=0)
    observations[1:, 3] = 0.5 - 0.5 * actions[:, 3]
    return Demonstration(observations, actions, seed)


KNOWN = [episode(seed) for seed in range(6)]
HIDDEN = [episode(seed) for seed in range(100, 106)]
OBSERVED = [d.observations for d in HIDDEN]
TRUTH = np.concatenate([d.actions for d in HIDDEN])


def values(labeler: Labeler) -> np.ndarray:
    made = labeler(KNOWN, OBSERVED, seed=0)
    return np.concatenate([label.values for label in made.labels])


def test_linear_inverse_dynamics_finds_actions_that_motion_tells() -> None:
    assert scores.mean_r2(values(reference.ridge), TRUTH) > 0.95


def test_the_ensemble_labels_the_frame_itself_and_knows_its_error() -> None:
    made = reference.ensemble(KNOWN, OBSERVED, seed=0)
    each = [label.values for label in made.labels]
    assert scores.mean_r2(np.concatenate(each), TRUTH) > 0.95
    assert scores.best_lag(scores.lag_scan(each, [d.actions for d in HIDDEN])) == 0
    width = np.concatenate([m.half_width_90 for m in made.labels if m.half_width_90 is not None])
    # Cross-conformal intervals promise a lower bound: each is calibrated on the error of one member
    # that has not seen the episode, and the mean of five errs less. They must still be narrow.
    assert scores.coverage(np.concatenate(each), width, TRUTH) >= 0.85
    assert np.median(width) < 0.2


def test_one_labeled_episode_gives_labels_without_intervals() -> None:
    made = reference.ensemble(KNOWN[:1], OBSERVED[:1], seed=0)
    assert made.labels[0].half_width_90 is None
    assert made.labels[0].values.shape == HIDDEN[0].actions.shape


def test_kinematic_labels_are_displacement_over_gain() -> None:
    np.testing.assert_allclose(values(trivial.kinematic)[:, :3], TRUTH[:, :3], atol=1e-6)


def test_copying_the_state_ahead_finds_the_delay() -> None:
    # The gripper's opening one step later is the command, turned round.
    labels = values(trivial.copy_state_ahead)
    assert scores.r2(labels, TRUTH)[3] == pytest.approx(1, abs=1e-3)


def test_mean_and_zero_know_nothing() -> None:
    assert scores.mean_r2(values(trivial.mean), TRUTH) <= 0
    assert not values(trivial.zero).any()


def test_late_labels_are_found_by_the_lag_scan() -> None:
    made = probes.probe("late", HIDDEN, seed=0)
    scan = scores.lag_scan([m.values for m in made.labels], [d.actions for d in HIDDEN])
    assert scores.best_lag(scan) == -1


def test_an_unknown_probe_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'early'; there are true, noise, bias, late"):
        probes.probe("early", HIDDEN, seed=0)


def row(cell: Cell, score: float = 0.5, trials: int = 50) -> Row:
    return Row(
        family=cell.family, task=cell.task, labeler=cell.labeler, labelled_set=cell.labelled_set,
        seed=cell.seed, r2=(0.5, float("nan")), mae=(0.1, 0.2), score=score,
        num_successes=round(score * trials), num_trials=trials,
    )  # fmt: skip


def test_a_cell_is_measured_once(tmp_path: Path) -> None:
    cell = Cell(family="metaworld", task="push-v3", labeler="ridge", labelled_set="K5")
    first, is_new = measured(cell, row, key="k", folder=tmp_path)
    again, is_new_again = measured(
        cell, lambda _: pytest.fail("measured twice"), key="k", folder=tmp_path
    )
    assert (is_new, is_new_again) == (True, False)
    assert again.r2[0] == first.r2[0]
    assert np.isnan(again.r2[1])


def test_another_seed_is_another_cell() -> None:
    one, two = (
        Cell(family="metaworld", task="push-v3", labeler="ridge", seed=seed) for seed in (0, 1)
    )
    assert cell_key(one, ()) != cell_key(two, ())


def test_table_holds_seeds_together_and_says_what_share_of_true_was_reached(tmp_path: Path) -> None:
    cells = [
        Cell(family="metaworld", task="push-v3", labeler=labeler, seed=seed)
        for labeler in ("true", "ridge")
        for seed in (0, 1)
    ]
    rows = [row(c, score=1.0 if c.labeler == "true" else 0.4 + 0.2 * c.seed) for c in cells]
    render.write(rows, [], tmp_path)
    lines = (tmp_path / "labelers.md").read_text().splitlines()
    line = next(text for text in lines if "| ridge" in text)
    # 50 of 100: the textbook interval 0.40..0.60.
    assert line.startswith("| ridge | 0.500 [0.40, 0.60] | 0.400 to 0.600 | 0.500 |")
    assert {p.name for p in tmp_path.iterdir()} == {
        "labelers.md", "labelers.parquet", "labelers.png",
    }  # fmt: skip


def expert_rows(labeler: str, counts: dict[int, float]) -> list[Row]:
    return [
        row(Cell(family="metaworld", task="push-v3", labeler=labeler, labelled_set=f"K{n}"), score)
        for n, score in counts.items()
    ]


def test_a_label_budget_needs_three_numbers_of_episodes() -> None:
    rows = expert_rows("ridge", {16: 0.8, 1: 0.2, 5: 0.6}) + expert_rows("mean", {5: 0.1})
    text = "\n".join(sections.budget("push-v3", rows))
    assert "| labeler | 1 episode | 5 episodes | 16 episodes |" in text
    assert "| ridge | 0.20 | 0.60 | 0.80 |" in text
    assert "mean" not in text


def test_a_failed_cell_is_told_and_is_no_row_of_its_task(tmp_path: Path) -> None:
    cells = [
        Cell(family="metaworld", task="push-v3", labeler=labeler) for labeler in ("true", "broken")
    ]
    rows = [row(cells[0]), Row.of(cells[1], failed="killed by SIGSEGV")]
    missed = Figure("labelers.push", 0.5, "1", Bar(">=", 0.9))
    text = render.markdown(rows, [missed], [])
    assert "- push-v3 broken  state seed 0: killed by SIGSEGV" in text
    assert "| push | 0.500 | >= 0.9 | **missed** |" in text
    assert "| broken" not in text


def test_lags_are_judged_only_where_labels_know_the_action() -> None:
    generator = np.random.default_rng(0)
    truth = [np.cumsum(generator.normal(size=(80, 3)), axis=0)]
    # Right; two frames late; unrelated.
    labels = [truth[0].copy()]
    labels[0][:, 1] = np.roll(truth[0][:, 1], 2)
    labels[0][:, 2] = generator.normal(size=80)
    lags = scores.best_lags(labels, truth)
    np.testing.assert_array_equal(lags, [0, -2, np.nan])
    assert scores.farthest_lag(lags) == -2
