"""The line of a run: how far, how fast, what is left."""

from rotoscope.pipeline.run.events import Event
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.tally import Tally


def test_line_tells_videos_frames_rates_and_what_is_left():
    time_s = [100.0]
    tally = Tally(now=lambda: time_s[0])
    assert tally.percent == 0
    tally.count(Event("planned", total=4))
    tally.count(Event("finished", row=Row("stored.mp4", "done", frames=500)))
    tally.count(Event("probed", "a.mp4", total=90))
    tally.count(Event("progress", "a.mp4", stage="hands", frame=30))
    time_s[0] += 10
    assert "ETA ?" in tally.line()
    tally.count(Event("finished", "b.mp4", row=Row("b.mp4", "done", frames=70, cpu_s=3.0)))
    assert tally.line() == (
        "2/4 videos  0.10 videos/s  10 frames/s  ETA 20 s  failures 0  a.mp4 hands 30/90"
    )
    tally.count(Event("finished", "a.mp4", row=Row("a.mp4", "failed", frames=90, cpu_s=1.0)))
    assert tally.percent == 75
    assert "failures 1" in tally.line()
    assert "hands" not in tally.line()
