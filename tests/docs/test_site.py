"""The site builds without a warning, and asks nothing of any other machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("mkdocs", reason="the site needs the extra docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site): path.read_text() for path in site.rglob("*.html")}


def test_every_page_of_the_navigation_is_there(pages):
    for name in ("index", "start", "concepts/track", "reference/cli", "mathematics/smoothing"):
        assert Path(f"{name}.html") in pages


def test_nothing_is_loaded_from_elsewhere(pages):
    remote = re.compile(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="?(?:https?:)?//[^>]+>')
    assert {name: remote.findall(text) for name, text in pages.items() if remote.search(text)} == {}


def test_the_search_works_from_a_file_path(site, pages):
    assert (site / "search" / "search_index.js").is_file()
    assert "assets/iframe-worker.js" in pages[Path("index.html")]


def test_angle_brackets_of_a_description_are_seen(pages):
    assert "by the labeler &lt;labeler&gt;" in pages[Path("reference/columns.html")]


def test_formulas_are_mathml(pages):
    text = pages[Path("mathematics/smoothing.html")]
    assert text.count("<math") > 20
    assert "\\(" not in text
    assert "\\[" not in text


def test_the_api_has_docstrings(pages):
    text = pages[Path("reference/api.html")]
    assert "ActionContract" in text
    assert "Rotation representation" in text


def test_links_in_the_readme_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md", "llms.txt"):
        text = (ROOT / name).read_text()
        targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
        assert [t for t in targets if not (ROOT / t).exists()] == [], name
