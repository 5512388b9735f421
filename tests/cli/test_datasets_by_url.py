"""Commands about two datasets, or a labeler and a dataset, that lie in an object store."""

import pytest
from typer.testing import CliRunner

from benchmarks._small_dataset import publish_small
from rotoscope import train
from rotoscope.cli.main import app
from rotoscope.pipeline.remote.datasets import send_dataset
from rotoscope.pipeline.remote.urls import place_of

URL = "memory://bucket-of-commands/ds"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "ds"
    publish_small(folder, episodes=3, rows=40)
    send_dataset(folder, place_of(URL))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_CACHE", str(tmp_path / "cache"))


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def test_datasets_at_urls_are_compared(local, tmp_path):
    html = tmp_path / "page.html"
    done = run("compare", URL, local, "--html", html)
    assert done.exit_code == 0, done.output
    assert "matched" in done.output
    assert html.is_file()


def test_data_at_a_url_that_a_labeler_was_trained_on_is_found_and_refused(local, tmp_path):
    settings = ["inputs=[observation.state]", "kind=ridge"]
    train.inverse_dynamics(local, out=tmp_path / "labeler", overrides=settings)
    done = run("check", tmp_path / "labeler", "--data", URL)
    assert "was trained on" in str(done.exception)
