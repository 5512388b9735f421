"""Reports below the roots are given, read only; whatever else lies there or elsewhere is not."""

import base64
import http.client
import os
from pathlib import Path

import pytest

from rotoscope.flows.reports import Shelf, path_of, served
from rotoscope.pipeline.errors import UsageError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "team").mkdir(parents=True)
    (root / ".rotoscope").mkdir()
    (root / "a b.report.html").write_text("<h1>a</h1>")
    (root / "team" / "c.report.html").write_text("<h1>c</h1>")
    (root / ".rotoscope" / "d.report.html").write_text("hidden")
    (root / "ledger.jsonl").write_text("secret")
    (root / "folder.report.html").mkdir()
    os.mkfifo(root / "pipe.report.html")
    (tmp_path / "out.report.html").write_text("outside")
    (root / "link.report.html").symlink_to(tmp_path / "out.report.html")
    (root / "out").symlink_to(tmp_path)
    return root


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_reports_are_listed_and_given(root):
    with served(Shelf((root,)), "127.0.0.1", 0) as port:
        status, page = ask(port, "/")
        assert status == 200
        assert b'href="/0/a%20b.report.html"' in page
        assert b'href="/0/team/c.report.html"' in page
        assert page.count(b"<li>") == 2
        assert ask(port, "/0/a%20b.report.html") == (200, b"<h1>a</h1>")
        assert ask(port, "/0/team/c.report.html?x=1") == (200, b"<h1>c</h1>")
        assert ask(port, "/0/team/c.report.html", "HEAD") == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/0/../out.report.html",
        "/0/%2e%2e/out.report.html",
        "/0/team/../../out.report.html",
        "/0//etc/x.report.html",
        "/0/link.report.html",
        "/0/out/out.report.html",
        "/0/ledger.jsonl",
        "/0/ledger.jsonl%00.report.html",
        "/0/.rotoscope/d.report.html",
        "/0/folder.report.html",
        "/0/pipe.report.html",
        "/0/none.report.html",
        "/1/a%20b.report.html",
        "/-1/a%20b.report.html",
        "/%D9%A0/a%20b.report.html",
        "/0",
        "/0/",
        "/a%20b.report.html",
    ],
)
def test_nothing_else_is_given(root, path):
    with served(Shelf((root,)), "127.0.0.1", 0) as port:
        assert ask(port, path) == (404, b"no such report")


def test_what_is_not_given_is_closed_again(root):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(UsageError):
            Shelf((root,)).open("/0/folder.report.html")
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_can_be_written(root):
    with served(Shelf((root,)), "127.0.0.1", 0) as port:
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            assert ask(port, "/0/a%20b.report.html", method)[0] == 501


def test_another_page_or_name_gets_nothing(root):
    with served(Shelf((root,)), "127.0.0.1", 0) as port:
        assert ask(port, "/", Host="evil.example")[0] == 403
        assert ask(port, "/", Origin="http://evil.example")[0] == 403


def test_password_is_asked_for_where_there_is_one(root):
    with served(Shelf((root,), "ann:pä55"), "127.0.0.1", 0) as port:
        right, wrong = (base64.b64encode(s.encode()).decode() for s in ("ann:pä55", "ann:pass"))
        assert ask(port, "/")[0] == 401
        assert ask(port, "/", Authorization=f"Basic {wrong}")[0] == 401
        assert ask(port, "/", Authorization="Basic \u20ac".encode().decode("latin-1"))[0] == 401
        assert ask(port, "/", Authorization=f"Basic {right}")[0] == 200


def test_address_that_is_taken_is_refused(root):
    with (
        served(Shelf((root,)), "127.0.0.1", 0) as port,
        pytest.raises(UsageError, match="name another address"),
        served(Shelf((root,)), "127.0.0.1", port),
    ):
        pass


def test_report_is_named_by_its_root():
    roots = (Path("/a"), Path("/b"))
    assert path_of(Path("/b/x y/d.report.html"), roots) == "/1/x%20y/d.report.html"
    assert path_of(Path("/c/d.report.html"), roots) == ""
