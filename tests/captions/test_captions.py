"""Texts from a stand-in for an OpenAI-compatible server, from tables and from names."""

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner
from video_files import write_video

from rotoscope.cli.main import app
from rotoscope.pipeline.captions.server import CaptionError, CaptionServer
from rotoscope.pipeline.captions.write import has_task, read_manifest, write_notes
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.sources import scan
from rotoscope.pipeline.video.notes import read_notes

KEY = "sk-very-secret"


@pytest.fixture
def stand_in():
    """A server whose answers are given, last first; it keeps what it was asked."""
    asked, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers.get("Authorization"), body))
            code, text = answers.pop() if answers else (200, "  pick up\n the cup ")
            self.send_response(code)
            if code == 307:
                self.send_header("Location", text)
            self.end_headers()
            said = {"choices": [{"message": {"content": text}}]} if code == 200 else {"error": text}
            self.wfile.write(json.dumps(said).encode() if text != "no JSON" else b"<html>")

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked, answers
    server.shutdown()
    server.server_close()


@pytest.fixture
def image():
    return np.full((8, 12, 3), 200, np.uint8)


def test_pictures_and_key_are_sent_and_a_sentence_comes_back(stand_in, image, monkeypatch):
    url, asked, _ = stand_in
    monkeypatch.setenv("MY_KEY", KEY)
    assert CaptionServer(url, "m", key_variable="MY_KEY").ask([image, image]) == "pick up the cup"
    path, authorization, body = asked[0]
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {KEY}")
    pictures = [c for c in body["messages"][0]["content"] if c["type"] == "image_url"]
    data = base64.b64decode(pictures[1]["image_url"]["url"].partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (12, 8)


def test_no_key_is_sent_where_none_is_set(stand_in, image, monkeypatch):
    url, asked, _ = stand_in
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    CaptionServer(url, "m").ask([image])
    assert asked[0][1] is None


def test_busy_server_is_asked_again_and_a_refusal_is_final(stand_in, image):
    url, asked, answers = stand_in
    server = CaptionServer(url, "m", pause_s=0.01)
    answers += [(200, "push"), (503, "busy"), (429, "slowly")]
    assert server.ask([image]) == "push"
    answers += [(401, f"wrong key {KEY}")]
    with pytest.raises(CaptionError, match=r"after 1 tries \(HTTP 401\)") as caught:
        server.ask([image])
    assert KEY not in str(caught.value)
    assert len(asked) == 4


@pytest.mark.parametrize("text", ["", "no JSON"])
def test_answer_without_a_text_is_an_error(stand_in, image, text):
    url, _, answers = stand_in
    answers.append((200, text))
    with pytest.raises(CaptionError, match=r"empty text|is no text|not valid JSON"):
        CaptionServer(url, "m").ask([image])


def test_redirect_takes_neither_pictures_nor_key_elsewhere(stand_in, image, monkeypatch):
    url, asked, answers = stand_in
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    answers.append((307, url + "/elsewhere"))
    with pytest.raises(CaptionError, match="HTTP 307"):
        CaptionServer(url, "m").ask([image])
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://x/v1", "is no address of a server"),
        ("https://user:word@x/v1", "not in the address"),
        ("http://example.com/v1", "without encryption"),
    ],
)
def test_addresses_that_would_give_the_key_away_are_refused(url, why, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(UsageError, match=why):
        CaptionServer(url, "m")


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "open_drawer"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_video(folder / name, frames=9, fps=30, size=(64, 48))
    return folder


def run(*words):
    return CliRunner().invoke(app, ["caption", *map(str, words)])


def test_command_asks_about_each_video_once_and_keeps_what_is_there(videos, stand_in, monkeypatch):
    url, asked, answers = stand_in
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (videos / "a.txt").write_text("push the drawer")
    words = (videos, "--server", url, "--model", "m", "--pictures", "2", "--license", "MIT")
    answers.append((400, "no"))
    first = run(*words)
    assert first.exit_code == 1, first.output
    assert "1 of 2 videos noted, 1 failed" in first.output
    second = run(*words)
    assert second.exit_code == 0, second.output
    assert KEY not in first.output + second.output
    notes = [read_notes(videos / name) for name in ("a.mp4", "b.mp4")]
    assert [n.task for n in notes] == ["push the drawer", "pick up the cup"]
    assert [n.license for n in notes] == ["MIT", "MIT"]
    assert len(asked) == 2
    assert len(asked[1][2]["messages"][0]["content"]) == 1 + 2


def test_template_and_table_write_notes(videos, tmp_path):
    assert run(videos, "--template", "{folder} slowly").exit_code == 0
    assert read_notes(videos / "a.mp4").task == "open drawer slowly"
    table = tmp_path / "videos.csv"
    table.write_text("video,task,credit\nb.mp4,close it,A. Person\n")
    assert run(videos, "--csv", table, "--replace").exit_code == 0
    notes = read_notes(videos / "b.mp4")
    assert (notes.task, notes.credit) == ("close it", "A. Person")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,task\n", "one must be video"),
        ("video,frames\n", "one must be video, the others"),
        ("video,task\nz.mp4,x\n", "line 2: no video has the name 'z.mp4'"),
    ],
)
def test_table_that_fits_no_video_is_refused(videos, tmp_path, text, why):
    table = tmp_path / "videos.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=why):
        read_manifest(table, scan([videos], "video"))


def test_notes_keep_what_else_they_say(videos):
    video = videos / "a.mp4"
    assert not has_task(video)
    write_notes(video, {"license": "MIT"})
    write_notes(video, {"task": "push"})
    assert (read_notes(video).license, read_notes(video).task) == ("MIT", "push")
    assert has_task(video)
