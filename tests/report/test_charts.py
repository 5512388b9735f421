"""Charts say what the numbers say, gaps included."""

import numpy as np

from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.timeline import in_groups

TIME_S = np.arange(10) / 10.0


def test_a_line_stops_where_nothing_is_known():
    values = np.arange(10.0)
    values[4:6] = np.nan
    drawn = charts.curves(
        TIME_S, values[:, None], ["x"], title="t", unit="m", invalid=np.zeros(10, bool)
    )
    assert drawn.count("<polyline") == 2


def test_flags_say_where_and_how_often():
    drawn = charts.flags(TIME_S, TIME_S > 0.55, "slip", color=charts.VIOLATED, note=": 4 rows")
    assert drawn.count(f'fill="{charts.VIOLATED}"') == 1
    assert "slip 0.60-0.90 s" in drawn
    assert "slip: 4 rows" in drawn


def test_groups_are_even_and_keep_their_order():
    groups = in_groups(list(range(29)))
    assert [len(g) for g in groups] == [8, 8, 8, 5]
    assert [i for g in groups for i in g] == list(range(29))
    assert in_groups([]) == []
