"""What the processes of a run on a cluster open once and let go of."""

import dataclasses

import pytest
from lamp_runs import write_recipe

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run import sharing
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.sharing import lease_name, sharing_of
from rotoscope.pipeline.video.scan import Found


@pytest.fixture
def request_on_a_store(tmp_path):
    recipe = load_recipe(str(write_recipe(tmp_path / "lamp.yaml")))
    yield LabelRequest((tmp_path,), recipe, tmp_path / "out", store=tmp_path / "store")
    sharing._close_all()


def test_tasks_of_one_run_share_what_is_open(request_on_a_store):
    found = sharing_of(request_on_a_store, "run")
    assert sharing_of(dataclasses.replace(request_on_a_store), "run") is found
    assert sharing_of(request_on_a_store, "another") is not found


def test_runs_of_long_ago_let_go(request_on_a_store):
    old = sharing_of(request_on_a_store, "old")
    assert old.leases.take("a")
    for number in range(sharing.MOST_OPEN):
        new = sharing_of(request_on_a_store, str(number))
    assert len(sharing._open) == sharing.MOST_OPEN
    assert new.leases.take("a")


def test_what_was_taken_ahead_is_free_again(request_on_a_store, tmp_path):
    work = Work(Found(path=tmp_path / "a.mp4", name="a.mp4"))
    one, other = (sharing_of(request_on_a_store, run) for run in ("one", "other"))
    assert one.leases.take(lease_name(work))
    assert not other.leases.take(lease_name(work))
    one.release([work])
    assert other.leases.take(lease_name(work))
