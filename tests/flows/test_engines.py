"""Which engines there are, and what a machine must see to be one of their nodes."""

import os
import socket
import subprocess
import sys

import pytest
from lamp_runs import write_clip, write_recipe

from rotoscope.flows import engines
from rotoscope.flows.engines import Engine
from rotoscope.flows.nodes import ID_FILE, Common
from rotoscope.pipeline.errors import EngineError, EngineLostError, UsageError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.request import LabelRequest, save_request


def test_unknown_engine_names_those_there_are():
    with pytest.raises(UsageError, match=r"no engine 'spark'; allowed: 'dask', 'local', 'ray'"):
        Engine("spark")


def test_address_is_of_a_cluster():
    with pytest.raises(UsageError, match="the local engine has no address, got 'ray://x'"):
        Engine("local", "ray://x")


def test_engine_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'rotoscope\[ray\]'"):
        Engine("ray")


def test_command_refuses_an_engine_before_it_looks_at_anything(tmp_path):
    command = [sys.executable, "-P", "-m", "rotoscope.cli.main", "label", tmp_path, "--out"]
    done = subprocess.run(
        [*command, tmp_path / "out", "--engine", "spark"], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no engine 'spark'" in done.stderr


@pytest.mark.parametrize("name", ["ray", "dask"])
def test_engine_that_does_not_answer_is_lost(name, monkeypatch):
    monkeypatch.setattr(engines, "WAIT_S", 0.1)
    with pytest.raises(EngineLostError, match=f"'{name}' does not answer any more"):
        Engine(name, "tcp://127.0.0.1:9").check(None)


def test_node_that_lacks_something_is_named():
    class Client:
        def run(self, ask):
            return {"tcp://10.0.0.1:1": "", "tcp://10.0.0.2:1": ask()}

        def wait_for_workers(self, count, timeout):
            pass

    class Runner:
        client = Client()

    with pytest.raises(EngineError, match=r"node tcp://10\.0\.0\.2:1 cannot .*: /v is not there"):
        Engine("dask").check_nodes(Runner(), lambda: "/v is not there")
    Engine("dask").check_nodes(Runner(), lambda: "")
    Engine().check_nodes(None, lambda: "nobody asks")


@pytest.fixture
def common(tmp_path, monkeypatch):
    """What a run's nodes must see, and a server that they reach."""
    write_clip(tmp_path / "videos" / "a.mp4")
    recipe = load_recipe(str(write_recipe(tmp_path / "lamp.yaml")))
    request = LabelRequest((tmp_path / "videos",), recipe, tmp_path / "out", tmp_path / "store")
    request.store.mkdir()
    save_request(request)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setattr("httpx.get", lambda url, timeout: None)
    return Common.of(request)


def test_node_that_sees_all_lacks_nothing(common, tmp_path):
    assert common.problem(allow_code=True) == ""
    assert not [path for path in (tmp_path / "store").iterdir() if path.name != ID_FILE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: (p / "videos").rename(p / "v"), "videos is not there"),
        (lambda p: (p / "store" / ID_FILE).write_text("x"), "another folder there, not the run's"),
        (lambda p: (p / "store" / ID_FILE).unlink(), "shared.id is not there"),
        (lambda p: (p / "out.rotoscope" / "run.json").write_text("{}"), "holds something else"),
        (lambda p: (p / "out.rotoscope" / "run.json").unlink(), "run.json cannot be read"),
    ],
    ids=["videos", "other store", "no store", "other run", "no run"],
)
def test_node_says_what_it_lacks(common, tmp_path, change, said):
    change(tmp_path)
    assert said in common.problem(allow_code=True)


def test_node_of_another_version_says_which(common, monkeypatch):
    monkeypatch.setattr("rotoscope.pipeline.run.publish.version_of", lambda name: "0.1")
    assert "av is 0.1 there, and " in common.problem(allow_code=True)


def test_node_that_does_not_reach_the_server_says_so(common, monkeypatch):
    import httpx

    def refuse(url, timeout):
        raise httpx.ConnectError("no")

    monkeypatch.setattr("httpx.get", refuse)
    assert "is not reached from there (ConnectError); start one" in common.problem(allow_code=True)
