"""`rotoscope merge`, `split`, `filter`, `versions` and `forget` as they are typed."""

import pytest
from small_datasets import publish_videos
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import RotoscopeError, UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return publish_videos(tmp_path_factory.mktemp("data") / "data", [0, 1, 2])


def run(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if isinstance(result.exception, RotoscopeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_filter_says_what_it_would_keep_and_writes_nothing_when_asked_so(data, tmp_path):
    (tmp_path / "list.txt").write_text("[0, 2]  # the best\n")
    out = tmp_path / "out"
    words = ("filter", data, "--out", out, "--dry-run")
    assert "2 of 3 episodes are kept: [0, 2]" in run(*words, "--list", tmp_path / "list.txt")
    assert "1 of 3 episodes are kept: [1]" in run(*words, "--episodes", "0,2", "--drop")
    assert "1 of 3 episodes are kept: [1]" in run(
        *words, "--where", "video=video00[12]*", "--where", "rows>30"
    )
    assert not out.exists()


def test_wrong_use_says_what_is_wanted(data, tmp_path):
    for words, why in (
        (("filter", data, "--out", tmp_path / "o"), "say which episodes"),
        (("filter", data, "--out", data, "--where", "rows>1"), "is there already"),
        (("filter", data, "--out", tmp_path / "o", "--episodes", "9"), "has no episode 9"),
        (("filter", data, "--out", tmp_path / "o", "--where", "foo>1"), "no episode says 'foo'"),
        (("split", data, "a/b=0.5", "--out", tmp_path / "o"), "is no part"),
        (("merge", data, "--out", data), "is there already"),
        (("forget", data, "nobody.mp4"), "speak of no video 'nobody.mp4'"),
    ):
        with pytest.raises(UsageError, match=why):
            run(*words)


def test_dry_run_of_forgetting_names_what_would_go(data):
    said = run("forget", data, "video001.mp4", "--dry-run")
    assert "1 episodes go, 2 stay" in said
    assert "nothing was changed" in said
    assert "version 1, the newest: 3 episodes" in run("versions", data)


@pytest.mark.slow
def test_parts_and_the_whole_are_datasets(data, tmp_path):
    run("split", data, "train=0.7", "val=0.3", "--out", tmp_path / "parts")
    parts = [tmp_path / "parts" / name for name in ("train", "val")]
    assert [len(open_dataset(part)) for part in parts] == [2, 1]
    run("merge", *parts, "--out", tmp_path / "whole")
    run("filter", tmp_path / "whole", "--episodes", "0:2", "--out", tmp_path / "whole", "--replace")
    assert len(open_dataset(tmp_path / "whole")) == 2
    run("forget", tmp_path / "whole", open_dataset(tmp_path / "whole").episodes_meta[0]["name"])
    assert len(open_dataset(tmp_path / "whole")) == 1
