"""The page is one file that one can work in: table, choice, commands, scrubbing, words."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._small_dataset import publish_small
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.report.scrub import sheet, way
from rotoscope.pipeline.report.table import edit_commands
from rotoscope.pipeline.report.ticks import labels, ticks

NAMED = ("button", "input", "select", "textarea", "img", "svg", "canvas")
"""Elements that need a name which can be read aloud."""


class Elements(HTMLParser):
    """All elements of a page with their attributes, and what labels and texts name."""

    def __init__(self, page):
        super().__init__()
        self.found, self.labeled, self.texts = [], set(), {}
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "label" and "for" in attributes:
            self.labeled.add(attributes["for"])
        self.found.append((tag, attributes))
        self.open.append((tag, attributes))
        if tag in ("input", "img", "meta", "link"):
            self.open.pop()

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        for tag, attributes in self.open:
            if tag in ("button", "label"):
                attributes["text"] = attributes.get("text", "") + text.strip()

    def nameless(self):
        """Elements that nothing names."""
        inside = [a for t, a in self.found if t == "label"]
        assert inside
        return [
            (tag, a)
            for tag, a in self.found
            if tag in NAMED
            and not (a.get("aria-label") or a.get("alt") or a.get("text"))
            and a.get("id") not in self.labeled
            and "twin" not in a.get("class", "")  # stands inside its label
        ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "my data"
    publish_small(out, episodes=4, rows=60)
    return out


@pytest.fixture(scope="module")
def page(dataset):
    write_report(dataset, dataset.with_name("page.html"), max_episodes=3)
    return dataset.with_name("page.html").read_text()


def test_everything_that_is_used_or_seen_has_a_name(page):
    elements = Elements(page)
    assert len([t for t, _ in elements.found if t == "svg"]) > 5
    assert elements.nameless() == []


def test_it_is_one_file_that_asks_nobody(page):
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"https?://|@import|fetch\(|XMLHttpRequest", page)


def test_every_episode_in_full_can_be_jumped_to_and_the_rest_is_said(page):
    shown = set(re.findall(r'<section class="episode" aria-labelledby="(episode-\d+)"', page))
    assert len(shown) == 3
    assert set(re.findall(r'href="#(episode-\d+)" aria-label', page)) == shown
    assert "1 more episodes are in the table only" in page
    assert page.count('type="checkbox" value=') == 4


def test_table_holds_the_scores_that_are_sorted_and_chosen_by(page, dataset):
    rows = {int(m[1]): m[0] for m in re.finditer(r'<tr data-index="(\d+)".*?>', page)}
    for index, episode in enumerate(open_dataset(dataset)):
        share = float(re.search(r'data-valid="([\d.]+)"', rows[index])[1])
        assert share == pytest.approx(100 * episode.row_count.valid_share)
    keys = set(re.findall(r'<option value="(\w+)"', page)) - {"below", "above"}
    assert {"rows", "seconds", "valid"} <= keys
    assert "sigma" not in keys  # known of no episode


def test_the_words_of_the_doctor_stand_there(page, dataset):
    for check in diagnose(dataset):
        assert f'<td class="word {check.verdict}">{check.verdict}</td><td>{check.name}</td>' in page


def test_commands_are_the_users_and_hold_whatever_the_folder_is_called(page, dataset):
    stated = re.search(r'<script type="application/json" id="commands">(.*?)</script>', page)[1]
    assert json.loads(stated) == edit_commands(dataset)
    words = shlex.split(edit_commands(dataset)["remove"].replace("INDICES", "0, 2"))
    assert words[words.index("--root") + 1] == str(dataset)
    assert words[-1] == "[0, 2]"
    odd = edit_commands(Path("a</script>b"))
    assert "a</script>b" in shlex.split(odd["keep"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "folder"), [("remove", "my data-without"), ("keep", "my data-split/kept")]
)
def test_lerobot_does_what_the_commands_say(dataset, monkeypatch, what, folder):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command = shlex.split(edit_commands(dataset)[what].replace("INDICES", "1, 3"))
    program = Path(sys.executable).with_name(command[0])
    if not program.is_file():
        pytest.skip("lerobot is not installed")
    subprocess.run([program, *command[1:]], check=True, capture_output=True)
    assert len(open_dataset(dataset.parent / folder)) == 2


def test_pictures_cover_the_whole_episode(dataset):
    opened = open_dataset(dataset)
    found = sheet(opened, opened[0], None, most=12)
    assert found.count <= 12
    assert (found.count - 1) * found.frame_s == pytest.approx(59 / 30, abs=found.frame_s)
    assert found.columns * found.rows >= found.count


def test_no_way_where_no_position_is_known(dataset):
    opened = open_dataset(dataset)
    assert way(opened, opened[0]) is None


def test_way_of_the_end_effector_is_in_millimeters_and_says_how_far_it_reached(dataset):
    opened = open_dataset(dataset)
    episode = opened[0]
    points = np.zeros((episode.num_rows, 7))
    points[:, 0] = np.linspace(0, 0.3, episode.num_rows)
    points[5] = np.nan
    episode.columns["label.ee"] = points
    found = way(opened, episode)
    data = json.loads(found.data)
    assert data["p"][-1] == [300, 0, 0]
    assert len(data["p"]) == episode.num_rows - 1
    assert found.said.startswith("30 x 0 x 0 cm along x, y, z, 0.3 m of way")
    assert data["v"].count(0) == episode.row_count.invalid


def test_script_is_one_that_a_browser_reads():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = Path(__file__).parents[2] / "pipeline" / "report" / "page.js"
    subprocess.run([node, "--check", script], check=True)


@given(low=st.floats(-1e4, 1e4), span=st.floats(1e-3, 1e4), most=st.integers(3, 8))
def test_ticks_are_few_round_and_inside(low, span, most):
    found = ticks(low, low + span, most=most)
    assert 1 <= len(found) <= most + 1
    assert all(low - 1e-5 * span <= v <= low + span * (1 + 1e-5) for v in found)
    if len(found) > 2:
        step = found[1] - found[0]
        assert float(f"{step:.0e}") == pytest.approx(step, rel=1e-6)
        assert int(f"{step:.0e}"[0]) in (1, 2, 5)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 7.97, ["0", "2", "4", "6"]),
        (-0.05, 1.05, ["0.0", "0.5", "1.0"]),
        (0.0, 100.0, ["0", "20", "40", "60", "80", "100"]),
        (1480.0, 1520.0, ["1480", "1490", "1500", "1510", "1520"]),
        (-0.0031, 0.0012, ["-0.003", "-0.002", "-0.001", "0.000", "0.001"]),
    ],
)
def test_ticks_are_what_a_person_would_write(low, high, texts):
    assert labels(ticks(low, high, most=5 if len(texts) > 3 else 4)) == texts
