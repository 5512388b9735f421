"""Every field of every form has a help and is one plain thing to fill in."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

import pytest

from rotoscope.flows.runner import FORMS, forgo
from rotoscope.flows.serve_plan import Plan
from rotoscope.flows.served import serve
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.recipe import recipe_names


def fields():
    for made in FORMS:
        for name, field in made.parameters.properties.items():
            yield pytest.param(field, id=f"{made.name}-{name}")


@pytest.mark.parametrize("field", list(fields()))
def test_field_is_plain_and_explained(field):
    assert field["type"] in ("string", "integer", "boolean", "number")
    assert not {"anyOf", "allOf", "$ref"} & set(field)
    assert len(field["description"]) > 15


@pytest.mark.parametrize("made", FORMS, ids=lambda f: f.name)
def test_form_says_what_it_does(made):
    assert made.description
    assert "Args" not in made.description
    required = set(made.parameters.required)
    assert required <= {"videos", "out", "dataset", "data", "labeler", "policy", "env", "folder"}


def test_recipe_is_chosen_among_those_that_there_are():
    label = next(made for made in FORMS if made.name == "label")
    choices = label.parameters.properties["recipe"]["enum"]
    assert choices == [*recipe_names(), "file"]


def test_all_commands_that_make_something_have_a_form():
    trainings = ("inverse-dynamics", "latent-action", "bco", "policy")
    names = {"label", "retry", "watch", "relabel", "evaluate", "report", "doctor"}
    assert {made.name for made in FORMS} == names | {f"train-{kind}" for kind in trainings}


def test_nobody_else_reaches_a_server_without_a_password(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    for host in ("0.0.0.0", "::", "192.168.0.7"):
        with pytest.raises(UsageError, match="PREFECT_SERVER_API_AUTH_STRING=user:password"):
            serve(Plan((tmp_path,), host=host))


def test_root_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="make it"):
        Plan((tmp_path / "none",))
    with pytest.raises(UsageError, match="--root"):
        Plan(())


def test_looks_that_were_missed_are_taken_back_but_not_what_a_person_started():
    asked, gone = [], []

    class Client:
        async def read_flow_runs(self, flow_run_filter):
            asked.append(flow_run_filter.model_dump(mode="json", exclude_unset=True))
            return [SimpleNamespace(id=n, auto_scheduled=n != 2) for n in (1, 2, 3)]

        async def delete_flow_run(self, run):
            gone.append(run)

    deployment = UUID(int=7)
    asyncio.run(forgo(Client(), []))
    asyncio.run(forgo(Client(), [deployment]))
    assert gone == [1, 3]
    assert [a["deployment_id"] for a in asked] == [{"any_": [str(deployment)]}]
    assert asked[0]["state"] == {"type": {"any_": ["SCHEDULED"]}}
