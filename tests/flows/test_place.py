"""A served run writes below its roots alone, and is told clearly what a field must hold."""

import pytest

from rotoscope.flows.place import VARIABLE, Place, inputs_of, lines_of
from rotoscope.pipeline.errors import UsageError


@pytest.fixture
def place(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return Place((tmp_path / "one", tmp_path / "two"), "http://127.0.0.1:1", 3)


def test_names_lie_below_the_first_root_and_paths_where_they_say(place, tmp_path):
    assert place.writable("cups") == tmp_path / "one" / "cups"
    assert place.writable(" team/cups ") == tmp_path / "one" / "team" / "cups"
    assert place.writable(str(tmp_path / "two" / "cups")) == tmp_path / "two" / "cups"


@pytest.mark.parametrize(
    "name", ["../cups", "/etc/cups", "a/../../cups", ".", "", " ", ".rotoscope/x", "a/.b", "a\0b"]
)
def test_nothing_is_written_elsewhere(place, name):
    with pytest.raises(UsageError):
        place.writable(name)


def test_nothing_is_written_through_a_link_that_leads_out(place, tmp_path):
    (tmp_path / "one" / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="leads out"):
        place.writable("link/cups")


def test_what_is_read_lies_anywhere_or_in_a_root(place, tmp_path):
    (tmp_path / "two" / "cups").mkdir()
    assert place.readable("cups") == tmp_path / "two" / "cups"
    assert place.readable(str(tmp_path)) == tmp_path
    with pytest.raises(UsageError, match="dataset 'mugs' is not there; give a whole path"):
        place.readable("mugs")


def test_place_is_told_from_process_to_process(place, monkeypatch):
    monkeypatch.setenv(VARIABLE, place.as_text())
    assert Place.current() == place
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UsageError, match="rotoscope serve"):
        Place.current()


def test_report_is_linked_where_it_is_served(place, tmp_path):
    assert place.url(tmp_path / "two" / "a.report.html") == "http://127.0.0.1:1/1/a.report.html"
    assert place.url(tmp_path / "a.report.html") == ""


def test_inputs_are_whole_paths_and_addresses_one_a_line():
    assert inputs_of(" /a b \n\ns3://bucket/x\n") == ["/a b", "s3://bucket/x"]
    assert lines_of("a=1\n\n b=2 ") == ["a=1", "b=2"]
    with pytest.raises(UsageError, match="'videos' is no whole path"):
        inputs_of("videos")
    with pytest.raises(UsageError, match="name a folder"):
        inputs_of("\n")


def test_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="holds a password") as caught:
        inputs_of("s3://ann:hunter2@bucket/x")
    assert "hunter2" not in str(caught.value)
