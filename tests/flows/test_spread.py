"""Lost workers, without an engine: videos are submitted again, and never run in place."""

from concurrent.futures import Future
from pathlib import Path

import pytest
from lamp_runs import write_recipe

from rotoscope.flows import spread
from rotoscope.flows.engines import Engine
from rotoscope.flows.spread import MOST_FRUITLESS, TRIES, Spread
from rotoscope.pipeline.errors import DiskFullError, EngineLostError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.video.scan import Found


class LostError(Exception):
    """What an engine raises."""


class Ended(Future):
    """A future of Prefect's: `result` has one more argument."""

    def result(self, raise_on_failure):
        return super().result()


@pytest.fixture
def ran():
    return []


@pytest.fixture
def spread_of(tmp_path, ran):
    """A spread over three videos of which `answer(names)` says what a task gives."""

    def spread_of(answer, check=lambda: None, num_videos=3, workers=1):
        recipe = load_recipe(str(write_recipe(tmp_path / "lamp.yaml")))
        request = LabelRequest((tmp_path,), recipe, tmp_path / "out",
                               store=tmp_path / "store", workers=workers)  # fmt: skip
        todo = [Work(Found(path=Path(f"{k}.mp4"), name=f"{k}.mp4")) for k in range(num_videos)]
        made = None

        def submit(key, shard):
            names = [work.found.name for work in shard.works]
            ran.append(names)
            future = Ended()
            try:
                future.set_result(answer(made.parts.writer(key), names))
            except LostError as error:
                future.set_exception(error)
            return future

        made = Spread(request, todo, engine=Engine(), submit=submit, check=check)
        return made

    return spread_of


def rows_of(writer, names):
    return [Row(name, "done") for name in names]


def test_rows_come_from_what_tasks_give(spread_of, ran):
    rows = list(spread_of(rows_of).rows())
    assert sorted(row.name for row in rows) == ["0.mp4", "1.mp4", "2.mp4"]
    # Three paths that are not there have one size: they may hold the same bytes.
    assert ran == [["0.mp4", "1.mp4", "2.mp4"]]


def test_what_a_lost_worker_wrote_is_kept_and_only_the_rest_done_again(spread_of, ran):
    def lost_after_the_first(writer, names):
        if len(ran) == 1:
            writer.append(Row("0.mp4", "done", cpu_s=2.0))
            raise LostError("gone")
        return rows_of(writer, names)

    run = spread_of(lost_after_the_first)
    rows = {row.name: row for row in run.rows()}
    assert rows["0.mp4"].cpu_s == 2.0
    assert {row.status for row in rows.values()} == {"done"}
    assert ran == [["0.mp4", "1.mp4", "2.mp4"], ["1.mp4"], ["2.mp4"]]
    assert not run.parts.folder.exists()


def test_video_that_takes_every_worker_with_it_fails_alone(spread_of, ran):
    def poisoned(writer, names):
        if "0.mp4" in names:
            raise LostError("killed\nby the system")
        return rows_of(writer, names)

    rows = {row.name: row for row in spread_of(poisoned).rows()}
    assert {name: row.status for name, row in rows.items()} == {
        "0.mp4": "failed", "1.mp4": "done", "2.mp4": "done"
    }  # fmt: skip
    assert rows["0.mp4"].error == "WorkerCrashedError"
    assert "LostError: killed" in rows["0.mp4"].message
    assert "by the system" not in rows["0.mp4"].message
    assert rows["0.mp4"].retry.startswith("rotoscope retry")
    assert sum("0.mp4" in names for names in ran) == TRIES


def test_engine_that_is_gone_is_no_fault_of_a_video(spread_of):
    def lose(writer, names):
        raise LostError

    def gone():
        raise EngineLostError("the engine does not answer")

    with pytest.raises(EngineLostError, match="does not answer"):
        list(spread_of(lose, check=gone).rows())


def test_engine_that_loses_whatever_it_is_given_is_given_up(spread_of, ran):
    def lose(writer, names):
        raise LostError("no module")

    rows = []
    with pytest.raises(EngineLostError, match=r"loses all .*, last with LostError: no module"):
        rows.extend(spread_of(lose, num_videos=50).rows())
    assert len(ran) == MOST_FRUITLESS + 1


def test_what_concerns_all_videos_ends_the_run(spread_of):
    with pytest.raises(DiskFullError):
        list(spread_of(lambda writer, names: DiskFullError("no space is left")).rows())


def test_rows_are_told_while_a_shard_is_under_way(spread_of, monkeypatch):
    monkeypatch.setattr(spread, "LOOK_EVERY_S", 0.01)
    held = []

    def hold(writer, names):
        writer.append(Row("1.mp4", "done"))
        return []

    run = spread_of(hold)
    submit, run._submit = run._submit, None

    def slow(key, shard):
        done, future = submit(key, shard), Ended()
        held.append((future, done))
        return future

    run._submit = slow
    rows = run.rows()
    assert next(rows).name == "1.mp4"
    assert not held[0][0].done()
    rows.close()
