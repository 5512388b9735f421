"""`rotoscope bench labelers`: what is asked for, and what is refused."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.errors import UsageError


def asked(*words: str) -> list[str]:
    done = CliRunner().invoke(app, ["bench", "labelers", "--list", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def test_what_nobody_chose_tells_labelers_apart_beside_trivial_ones(tmp_path: Path) -> None:
    lines = asked("--out", str(tmp_path / "out"))
    of_first = [line for line in lines if line.startswith("metaworld:sweep-into-v3: ")]
    assert [line.partition(": ")[2].partition(",")[0] for line in of_first] == [
        *("true", "alone", "inverse-dynamics", "predictive-inverse-dynamics"),
        *("unified-world-model", "action-inference"),
        *("differences", "copy", "previous", "mean"),
    ]
    assert len(lines) == 5 * len(of_first)
    assert all(line.endswith("seed 0: not measured") for line in lines)


def test_settings_stand_behind_a_name(tmp_path: Path) -> None:
    words = ["--env", "pusht", "--starts", "0", "--labeler", "inverse-dynamics kind=ridge"]
    lines = asked(*words, "--seeds", "2", "--out", str(tmp_path / "out"))
    assert lines == [
        f"pusht: inverse-dynamics kind=ridge, seed {seed}: not measured" for seed in (0, 1)
    ]


@pytest.mark.parametrize(
    ("labeler", "words"),
    [
        ("nobody", "there is no labeler 'nobody'"),
        ("copy max_ahead=0", "max_ahead"),
        ("inverse-dynamics knd=ridge", "unknown key 'knd'"),
        ("copy inputs=[action]", "which a labeler shall infer"),
        ("mean camera=observation.images.front", "sees pictures; the bench shows features"),
    ],
)
def test_labelers_that_cannot_be_benched_are_refused(
    tmp_path: Path, labeler: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        asked("--labeler", labeler, "--out", str(tmp_path / "out"))


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else than a bench"):
        asked("--out", str(tmp_path))
