"""What a run writes, and datasets in general, are no input of it; and it is said."""

import pytest
from lamp_runs import digest, run_lamp, statuses, write_clip

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.request import load_request
from rotoscope.pipeline.sources import scan


def test_same_command_again_does_not_label_its_own_dataset(tmp_path):
    videos = tmp_path / "videos"
    write_clip(videos / "a.mp4")
    write_clip(videos / "b.mp4", frames=50)
    places = {"out": videos / "set", "store": videos / "kept"}
    first = run_lamp(tmp_path, **places)
    before = digest(videos / "set")
    again = run_lamp(tmp_path, **places)
    assert statuses(first) == statuses(again) == {"a.mp4": "done", "b.mp4": "done"}
    assert digest(videos / "set") == before
    assert again.left_out == tuple(
        f"left out: {name}, this run writes there" for name in ("kept", "set", "set.rotoscope")
    )
    plan = describe(load_request(videos / "set", allow_code=True))
    assert plan.num_videos == 2
    assert "left out: set, this run writes there" in plan.left_out


def test_datasets_below_the_input_are_left_out_and_named(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4")
    write_clip(tmp_path / "videos" / "old" / "deep" / "videos" / "x.mp4", frames=50)
    info = tmp_path / "videos" / "old" / "deep" / "meta" / "info.json"
    info.parent.mkdir()
    info.write_text("{}")
    said = []
    result = run_lamp(tmp_path, listener=lambda e: e.kind == "left_out" and said.append(e.name))
    assert statuses(result) == {"a.mp4": "done"}
    assert len(said) == 1
    assert said[0].startswith("left out: old/deep, a LeRobot dataset; 'rotoscope track'")


def test_dataset_as_the_input_itself_is_refused_with_what_takes_it(tmp_path):
    info = tmp_path / "videos" / "meta" / "info.json"
    info.parent.mkdir(parents=True)
    info.write_text("{}")
    with pytest.raises(UsageError, match=r"left out: videos, a LeRobot dataset; 'rotoscope track'"):
        run_lamp(tmp_path)


def test_output_reached_through_a_link_is_left_out_too(tmp_path):
    videos = tmp_path / "videos"
    write_clip(videos / "a.mp4")
    (tmp_path / "set").mkdir()
    write_clip(tmp_path / "set" / "v.mp4", frames=50)
    (videos / "link").symlink_to(tmp_path / "set")
    found = scan([videos], "video", never=[tmp_path / "set"])
    assert [(f.name, bool(f.left_out)) for f in found] == [("a.mp4", False), ("link", True)]


def test_names_of_inputs_that_collide_never_hold_where_they_lie(tmp_path):
    for place in ("x/in", "y/in"):
        write_clip(tmp_path / place / "a.mp4")
    found = scan([tmp_path / "x/in", tmp_path / "y/in"], "video")
    assert [f.name for f in found] == ["1/in/a.mp4", "2/in/a.mp4"]


def test_links_that_lead_to_themselves_cost_one_row_each(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4")
    (tmp_path / "videos" / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "videos" / "one.mp4").symlink_to("two.mp4")
    (tmp_path / "videos" / "two.mp4").symlink_to("one.mp4")
    result = run_lamp(tmp_path)
    loops = dict.fromkeys(("loop.mp4", "one.mp4", "two.mp4"), "failed")
    assert statuses(result) == {"a.mp4": "done", **loops}
    assert all("symbolic links" in row.message for row in result.rows if row.status == "failed")
