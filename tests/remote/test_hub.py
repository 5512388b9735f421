"""`rotoscope push DATASET user/name`, against a stand-in for the Hub on loopback."""

import json
import os
import subprocess

import pytest
from hub_server import hub_server

from rotoscope.pipeline.processes import python_module

TOKEN = "hf_notarealtokenatall0123456789"


@pytest.fixture
def hub():
    with hub_server() as found:
        yield found


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "ds"
    for name, text in {
        "meta/info.json": json.dumps({"codebase_version": "v3.0"}),
        "data/chunk-000/file-000.parquet": "rows",
        "README.md": "---\nlicense: cc-by-4.0\n---\n# Cups\n",
        ".cache/x": "nobody's business",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def push(hub, dataset, target, *options, token=TOKEN):
    # HF_ENDPOINT is read when the library is imported.
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(dataset.parent / "hf"), "HF_TOKEN": token}
    command = python_module("rotoscope.cli.main", "push", str(dataset), target, *options)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_dataset_is_one_commit_with_its_card_and_the_tag_of_its_format(hub, dataset):
    hub.tags, hub.failures = ["v3.0"], [503]  # of the commit before; and a server that is busy
    done = push(hub, dataset, "ann/cups")
    assert done.returncode == 0, done.stderr
    assert hub.repo == "ann/cups"
    assert hub.private
    assert set(hub.files) == {"README.md", "meta/info.json", "data/chunk-000/file-000.parquet"}
    assert hub.files["README.md"] == (dataset / "README.md").read_bytes()
    assert (hub.commits, hub.tags) == (1, ["v3.0"])
    assert f"Bearer {TOKEN}" in hub.tokens
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.slow  # one more process that imports the command line
def test_no_access_is_one_sentence_without_the_token(hub, dataset):
    hub.failures = [401] * 9
    done = push(hub, dataset, "ann/cups")
    assert done.returncode == 1
    assert "hf auth login" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) <= 4


@pytest.mark.slow  # each is a process that imports the command line
@pytest.mark.parametrize(
    ("target", "words"),
    [("cups", "neither s3://"), ("ann/cups/x", "neither s3://"), ("s3://a:b@c/d", "environment")],
)
def test_targets_that_are_none_are_refused(hub, dataset, target, words):
    done = push(hub, dataset, target)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert not hub.commits
