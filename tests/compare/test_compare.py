"""Two labelers, or two datasets, side by side: agreement, lag, where they differ, what changed."""

import json
import shutil

import numpy as np
import pytest
import tiny_data
from corruptions import without_facts
from two_lamps import OTHER, run_two

import rotoscope as rt
from rotoscope.pipeline.compare.agreement import agreements, differences
from rotoscope.pipeline.compare.matching import Pair
from rotoscope.pipeline.compare.page import table_row, write_comparison
from rotoscope.pipeline.compare.run import compare
from rotoscope.pipeline.compare.sides import PairedRows, SharedNumber, known_by_rotation
from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.geometry import se3


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """One run with two labelers; the second is 2 frames late, 0.1 rad off and has a gap."""
    return run_two(tmp_path_factory.mktemp("two"), OTHER)


@pytest.fixture(scope="module")
def slower(tmp_path_factory):
    """The same video at another rate, cut at another place, as a dataset of its own."""
    folder = tmp_path_factory.mktemp("slower")
    return run_two(folder, {}, "export.fps=20", "curate.min_episode_s=0.5")


def by_name(found):
    return {line.number.name: line for line in found.agreements}


@pytest.mark.parametrize(("still", "lag"), [("a", 0), ("b", 0), ("", 3)])
def test_no_lag_is_told_of_a_number_that_one_side_never_moves(still, lag):
    t = np.arange(90)
    sides = {"a": np.sin(t / 7), "b": np.sin((t - 3) / 7)}
    if still:
        # What moves late only is nearer to any constant while it is read earlier.
        sides = {"a": (t / 90.0) ** 6, "b": (t / 90.0) ** 6, still: np.full(90, 1.0)}
    stretch = PairedRows(
        pair=Pair(0, 0, 0, 90, Resampler.between(t / 30.0, t / 30.0)),
        a=sides["a"][:, None],
        b=sides["b"][:, None],
        known_a=np.ones((90, 1), bool),
        known_b=np.ones((90, 1), bool),
        confidence_a=None,
        confidence_b=None,
    )
    (line,) = agreements([stretch], [SharedNumber("x", "m", "position")], fps=30.0)
    assert line.lag_rows == lag


def test_two_labelers_of_one_dataset_agree_as_far_as_they_do(two):
    found = compare(two.dataset)
    assert (found.title(found.a), found.title(found.b)) == ("action", "label.other")
    assert found.rows == {"in both": 49, "in A alone": 11, "in B alone": 0, "in neither": 0}
    assert found.confidence == pytest.approx((0.9, 0.5))
    line = by_name(found)["lamp.pos"]
    now = np.setdiff1d(np.arange(60), np.arange(19, 30))
    a, b = np.sin((now + 1) / 6), np.sin((now - 1) / 6) + 0.1
    assert line.rows == 49
    assert line.number.unit == "rad"
    assert line.mae == pytest.approx(np.abs(b - a).mean(), abs=1e-5)
    assert line.worst == pytest.approx(np.abs(b - a).max(), abs=1e-5)
    assert line.correlation == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-5)


def test_lag_is_found_with_its_sign(two):
    assert compare(two.dataset).lag.rows == 2
    back = compare(two.dataset, of="label.other", to="action")
    assert back.lag.rows == -2
    assert str(back.lag).startswith("B comes 2 rows (0.067 s) before A")


def test_choices_differ_by_their_share(two):
    found = compare(two.dataset)
    now = np.setdiff1d(np.arange(60), np.arange(19, 30))
    share = ((np.sin((now + 1) / 6) > 0) != (np.sin((now - 1) / 6) > 0)).mean()
    line = by_name(found)["lamp.on"]
    assert line.mae == pytest.approx(share)
    assert table_row(found, line)[3] == f"{100 * share:.1f} % differ"


def test_settings_of_the_two_labelers_are_told(two):
    changes = {c.what: (c.a, c.b) for c in compare(two.dataset).settings}
    assert changes["labeler.late_frames"] == ("0", "2")
    assert changes["labeler.has_gap"] == ("False", "True")
    assert "labeler.rate_hz" not in changes


def test_datasets_of_other_rate_and_cut_are_matched_by_time(two, slower):
    found = compare(two.dataset, slower.dataset)
    assert found.matching.how == "by source, subject and time"
    line = by_name(found)["lamp.pos"]
    assert line.rows > 50
    # Between two rows of the slower one lies a straight line; the shift is another by 1/60 s.
    assert line.mae < 0.08
    changes = {c.what: (c.a, c.b) for c in found.settings}
    assert changes["export.fps"] == ("30", "20")
    assert changes["contract.rate_hz"] == ("30.0", "20.0")
    (episode,) = found.episodes
    assert episode.what == "episode 0 (one.mp4)"
    assert episode.a.startswith("60 rows, ")


def test_a_dataset_and_itself_agree_wholly_and_nothing_changed(two):
    copy = shutil.copytree(two.dataset, two.dataset.with_name("copy"), dirs_exist_ok=True)
    found = compare(two.dataset, copy)
    assert all(line.mae == 0 for line in found.agreements)
    assert by_name(found)["lamp.pos"].correlation == pytest.approx(1.0)
    assert (found.lag.rows, found.moments, found.settings, found.episodes) == (0, (), (), ())


def recorded(folder, *, error=0.0, count=2, **more):
    rows = [tiny_data.rows_of(number, 40, **more) for number in range(count)]
    for one in rows:
        one.actions[:] += error
    return tiny_data.publish(folder, rows)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("truth") / "truth")


@pytest.fixture(scope="module")
def half_off(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("off") / "half", error=0.5)


def test_errors_against_true_actions_stand_beside(truth, half_off, tmp_path):
    a, b = half_off, recorded(tmp_path / "b", error=-0.25)
    (line,) = compare(a, b, truth=str(truth)).agreements
    assert (line.error_a, line.error_b) == pytest.approx((0.5, 0.25), abs=1e-6)
    assert line.mae == pytest.approx(0.75, abs=1e-6)


def without_sidecars(root):
    shutil.rmtree(root / "meta" / "rotoscope")
    without_facts(root)
    return root


def test_datasets_of_other_tools_are_matched_by_number(truth, half_off, tmp_path):
    a, b = (without_sidecars(shutil.copytree(d, tmp_path / d.name)) for d in (truth, half_off))
    found = compare(a, b)
    assert found.matching.how == "by number of the episode"
    assert by_name(found)["push"].mae == pytest.approx(0.5, abs=1e-6)
    assert by_name(found)["push"].number.unit == ""


def test_other_numbers_of_episodes_without_a_source_are_refused(truth, tmp_path):
    a = without_sidecars(shutil.copytree(truth, tmp_path / "a"))
    with pytest.raises(DatasetError, match="2 and 3 episodes cannot be told to be the same"):
        compare(a, without_sidecars(recorded(tmp_path / "b", count=3)))


def test_numbers_of_other_units_are_not_compared(truth, tmp_path):
    a, b = truth, shutil.copytree(truth, tmp_path / "b")
    path = b / "meta/rotoscope/contract.json"
    contract = json.loads(path.read_text())
    contract["dimensions"][0]["unit"] = "mm"
    path.write_text(json.dumps(contract))
    with pytest.raises(UsageError, match="nothing has the same name and unit on both sides"):
        compare(a, b)


def test_columns_that_cannot_be_meant_are_refused(two, truth):
    with pytest.raises(UsageError, match="action is compared with itself"):
        compare(two.dataset, to="action")
    with pytest.raises(UsageError, match="it has one labeler only"):
        compare(truth)
    with pytest.raises(UsageError, match="--truth 'nowhere' is neither a column"):
        compare(two.dataset, truth="nowhere")


def test_no_row_that_counts_on_both_sides_is_refused(tmp_path):
    a = recorded(tmp_path / "a", bad=[(0, 20)])
    b = recorded(tmp_path / "b", bad=[(20, 40)])
    with pytest.raises(DatasetError, match="80 rows in common, and in none of them both are valid"):
        compare(a, b)


def test_rotation_vectors_differ_by_the_turn_between_them():
    numbers = [SharedNumber(f"ee.w{axis}", "rad", "rotation_vector") for axis in "xyz"]
    generator = np.random.default_rng(0)
    a = generator.normal(size=(50, 3))
    turn = generator.normal(size=(50, 3)) * 0.1
    b = se3.log_so3(se3.exp_so3(turn) @ se3.exp_so3(a))
    np.testing.assert_allclose(differences(a, b, numbers), turn, atol=1e-9)
    # The same attitude by a full turn more is no difference at all.
    far = a * (1 - 2 * np.pi / np.linalg.norm(a, axis=1, keepdims=True))
    np.testing.assert_allclose(differences(a, far, numbers), 0, atol=1e-6)


def test_moments_lie_apart_and_begin_with_the_largest(two):
    moments = compare(two.dataset).moments
    assert [m.size for m in moments] == sorted((m.size for m in moments), reverse=True)
    rows = sorted(m.row for m in moments)
    assert min(np.diff(rows)) >= 15
    assert all(not 19 <= row < 30 for row in rows)


def test_page_holds_pictures_curves_and_changes(two, tmp_path):
    write_comparison(compare(two.dataset), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg;base64,") == len(compare(two.dataset).moments)
    assert "labeler.late_frames" in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_command_and_call_do_the_same(two, tmp_path, capsys):
    from rotoscope.cli.compare import show

    found = rt.compare(two.dataset, out=tmp_path / "page.html")
    assert (tmp_path / "page.html").is_file()
    show(found)
    told = capsys.readouterr().out
    assert "B comes 2 rows (0.067 s) after A" in told
    assert "lamp.pos" in told


def without_numbers(source, target, forget):
    """A copy in which some numbers of some rows of `action` are not known."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shutil.copytree(source, target)
    for file in sorted((target / "data").rglob("*.parquet")):
        table = pq.read_table(file)
        column = table.schema.get_field_index("action")
        values = np.array(table["action"].to_pylist(), np.float32)
        forget(values)
        kind = table.schema.field(column)
        pq.write_table(table.set_column(column, kind, pa.array(list(values), kind.type)), file)
    return target


def test_a_number_that_one_side_never_knows_leaves_the_others_compared(two, tmp_path):
    def forget(values):
        values[:, 1] = np.nan

    b = without_numbers(two.dataset, tmp_path / "b", forget)
    found = compare(two.dataset, b)
    lines = by_name(found)
    assert (lines["lamp.pos"].rows, lines["lamp.on"].rows) == (60, 0)
    assert lines["lamp.pos"].mae == 0
    assert np.isnan(lines["lamp.on"].mae)
    assert found.rows["in both"] == 60
    assert "lamp.on is known to both in 0 of the 60 rows compared" in found.notes
    write_comparison(found, tmp_path / "page.html")
    assert "0 of the 60 rows" in (tmp_path / "page.html").read_text()


def test_numbers_unknown_in_other_rows_are_compared_where_both_know_them(two, tmp_path):
    def forget(values):
        values[:40, 0] = np.nan
        values[30:, 1] = np.nan

    def off(values):
        values[:, 0] += 0.25

    a = without_numbers(two.dataset, tmp_path / "a", forget)
    found = compare(a, without_numbers(two.dataset, tmp_path / "b", off))
    lines = by_name(found)
    assert (lines["lamp.pos"].rows, lines["lamp.on"].rows) == (20, 30)
    assert lines["lamp.pos"].mae == pytest.approx(0.25, abs=1e-6)
    assert (found.rows["in both"], found.rows["in B alone"]) == (50, 10)
    assert all(moment.row < 30 or moment.row >= 40 for moment in found.moments)


def test_errors_are_of_the_numbers_that_the_true_actions_hold(two, tmp_path):
    def forget(values):
        values[::2, 0] = np.nan
        values[:, 1] = np.nan

    truth = without_numbers(two.dataset, tmp_path / "truth", forget)
    lines = by_name(compare(two.dataset, truth=str(truth)))
    odd = np.setdiff1d(np.arange(1, 60, 2), np.arange(19, 30))
    error = np.abs(np.sin((odd - 1) / 6) + 0.1 - np.sin((odd + 1) / 6)).mean()
    assert lines["lamp.pos"].error_a == 0
    assert lines["lamp.pos"].error_b == pytest.approx(error, abs=1e-5)
    assert np.isnan(lines["lamp.on"].error_b)


def test_numbers_that_no_row_knows_on_both_sides_are_refused(two, tmp_path):
    def first(values):
        values[:, 0] = np.nan

    def second(values):
        values[:, 1] = np.nan

    a = without_numbers(two.dataset, tmp_path / "a", first)
    b = without_numbers(two.dataset, tmp_path / "b", second)
    with pytest.raises(DatasetError, match="in none of them both are valid and know one same"):
        compare(a, b)


def test_a_rotation_of_which_one_number_is_unknown_is_unknown():
    numbers = [SharedNumber("ee.x", "m", "position")]
    numbers += [SharedNumber(f"ee.w{axis}", "rad", "rotation_vector") for axis in "xyz"]
    known = np.ones((3, 4), bool)
    known[1, 2] = known[2, 0] = False
    assert known_by_rotation(known, numbers).tolist() == [
        [True] * 4,
        [True, False, False, False],
        [False, True, True, True],
    ]
