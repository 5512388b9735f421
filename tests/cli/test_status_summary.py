"""What the rows of a run come to, in a few lines."""

import io

from rotoscope.cli.show import show_status, summary
from rotoscope.cli.terminal import Terminal
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import RunRecord

RECORD = RunRecord(
    inputs=["videos"], recipe={}, source="video", folder=None, store="store", workers=1,
    only=None, limit=None, until="",
)  # fmt: skip
ROWS = [
    Row("a.mp4", "done", frames=90, cpu_s=4.0,
        detail={"rows": 80, "valid_rows": 60, "cpu_s": {"hands": 3.0, "decode": 0.5}}),
    Row("b.mp4", "empty", frames=50, cpu_s=1.0,
        detail={"dropped": {"hands not seen": 40, "lift": 10}, "cpu_s": {"hands": 1.0}}),
    Row("c.mp4", "failed", stage="probe", error="VideoError", message="is no video"),
    Row("d.mp4", "failed", stage="hands", error="ValueError", message="odd",
        detail={"traceback": "Traceback: there"}),
]  # fmt: skip


def shown(tmp_path, **options):
    console = Terminal()
    console.file = io.StringIO()
    show_status(console, tmp_path / "out", RECORD, ROWS, **options)
    return console.file.getvalue()


def test_summary_counts_rows_losses_and_time():
    assert list(summary("video", ROWS)) == [
        "4 videos: 1 done, 1 empty, 2 failed",
        "80 rows, 60 of them valid (75.0 %)",
        "failed: 1 VideoError in probe, 1 ValueError in hands",
        "no episode: 1 hands not seen",
        "CPU: 5.0 s (hands 80 %, decode 10 %)",
    ]
    assert list(summary("video", [])) == ["0 videos: none"]


def test_only_those_that_failed_are_listed(tmp_path):
    assert "a.mp4" in shown(tmp_path)
    text = shown(tmp_path, only_failed=True)
    assert "a.mp4" not in text
    assert "b.mp4" not in text
    assert "VideoError: is no video" in text
    assert "d.mp4, hands:\nTraceback: there" in text
    assert "4 videos: 1 done, 1 empty, 2 failed" in text


def test_what_stages_warned_of_is_said_once_with_whom_it_is_about():
    said = [
        Row("a.mp4", "done", detail={"warnings": ["too dark", "odd"]}),
        Row("b.mp4", "done", detail={"warnings": ["too dark"]}),
        Row("c.mp4", "done", detail={"warnings": []}),
    ]
    found = [text for text in summary("video", said) if "warning" in text]
    assert found == ["warning: 2 files (first a.mp4): too dark", "warning: a.mp4: odd"]
