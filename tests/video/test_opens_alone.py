"""With a video no other file is opened, whatever it holds and whatever it is called."""

import ast
import contextlib
import struct
from pathlib import Path

import av
import pytest
from opened_files import Opened
from video_files import write_video

from rotoscope.pipeline.errors import NotAVideoError, VideoError
from rotoscope.pipeline.video.container import open_video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

ROOT = Path(__file__).parents[2]
PRODUCT = ("pipeline", "models", "retarget", "flows")
OPENERS = {
    "av.open": {"pipeline/video/container.py"},
    "decord.VideoReader": {"pipeline/video/decord_reader.py"},
}
"""What opens media, and the files that may call it for reading."""
NEVER = ("cv2.VideoCapture", "imageio", "torchvision.io", "decord.VideoLoader", "torchcodec")


@pytest.fixture
def secret(tmp_path):
    """A folder with a video that nobody may open."""
    folder = tmp_path / "secret"
    folder.mkdir()
    write_video(folder / "other.ts")
    write_video(folder / "0.gif", codec="gif", pixel_format="rgb8")
    return folder


def playlist(secret, kind):
    other = secret / "other.ts"
    return {
        "ffconcat": f"ffconcat version 1.0\nfile '{other}'\n",
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{other}\n#EXT-X-ENDLIST\n",
        "hls_path": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        "dash": f'<MPD profiles="dash:profile:isoff-on-demand:2011"><BaseURL>{other}</BaseURL>',
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    }[kind].encode()


@pytest.mark.parametrize("kind", ["ffconcat", "hls", "hls_path", "dash", "sdp"])
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat"])
def test_a_playlist_is_no_video(tmp_path, secret, kind, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(playlist(secret, kind))
    with Opened(secret) as opened, pytest.raises(NotAVideoError, match="is not a video"):
        probe(path)
    assert opened.names == []


@pytest.mark.parametrize("name", ["concat:{0}|{0}", "subfile,,start,0,end,0,,:{0}", "http:x.mp4"])
def test_a_name_is_never_an_address(tmp_path, secret, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.ts").symlink_to(secret / "other.ts")
    path = Path(name.format("other.ts"))
    with Opened(secret) as opened, pytest.raises(NotAVideoError):
        probe(path, "0" * 64)
    write_video(tmp_path / "plain.mp4").rename(path)
    assert probe(path).num_frames == 30
    assert opened.names == []


def test_a_name_is_never_a_pattern(secret):
    with Opened(secret) as opened, pytest.raises(NotAVideoError):
        probe(secret / "%d.gif", "0" * 64)
    assert opened.names == []


def alias(path):
    """A QuickTime alias record for another file in the same folder."""
    name = path.name.encode()
    volume, folder = b"disk", path.parent.name.encode()
    where = b"/" + folder + b"/" + name
    where += b"\0" * (len(where) % 2)
    record = b"\0" * 10 + bytes([len(volume)]) + volume.ljust(27, b"\0") + b"\0" * 12
    record += bytes([len(name)]) + name.ljust(63, b"\0") + b"\0" * 16 + struct.pack(">HH", 1, 1)
    record += b"\0" * 16 + struct.pack(">HH", 2, len(where)) + where + struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record


def refer_to(movie, other):
    """Makes a QuickTime movie whose pictures lie in another file."""
    data = movie.read_bytes()
    entry = alias(other)
    at = data.rindex(b"dref") + 12
    (old,) = struct.unpack_from(">I", data, at)
    data = data[:at] + entry + data[at + old :]
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        start = data.rindex(box) - 4
        size = struct.unpack_from(">I", data, start)[0] + len(entry) - old
        data = data[:start] + struct.pack(">I", size) + data[start + 4 :]
    movie.write_bytes(data)
    return movie


def test_a_reference_movie_opens_nothing_else(secret):
    movie = refer_to(write_video(secret / "a.mov"), secret / "other.ts")
    with Opened(secret) as opened, av.open(str(movie), container_options={"enable_drefs": "1"}):
        pass
    assert "other.ts" in opened.names  # The reference is a real one.
    with Opened(secret) as opened, contextlib.suppress(VideoError):
        list(read_frames(probe(movie)))
    assert set(opened.names) == {"a.mov"}


def read(path, backend):
    video = probe(write_video(path.with_name("plain.mp4")))
    frames = read_frames(video.__class__(**{**vars(video), "path": path}), backend=backend)
    return list(frames)


@pytest.mark.parametrize("kind", ["ffconcat", "hls", "hls_path"])
def test_decord_gets_no_playlist(tmp_path, secret, kind):
    path = tmp_path / "x.mp4"
    path.write_bytes(playlist(secret, kind))
    with Opened(secret) as opened, pytest.raises(NotAVideoError, match="is not a video"):
        read(path, "decord")
    assert opened.names == []


def test_decord_gets_nothing_that_is_a_video_and_a_playlist(tmp_path, secret):
    """What our FFmpeg takes for a transport stream, decord's older one takes for a playlist."""
    decord = pytest.importorskip("decord")
    path = tmp_path / "x.mp4"
    path.write_bytes(playlist(secret, "hls_path") + (secret / "other.ts").read_bytes())
    with open_video(path) as (container, _):
        assert container.format.name == "mpegts"
    with Opened(secret) as opened:
        decord.VideoReader(str(path), num_threads=1)
    assert "other.ts" in opened.names  # It would.
    with Opened(secret) as opened, pytest.raises(NotAVideoError, match="not given to decord"):
        read(path, "decord")
    assert opened.names == []


def calls_in(path):
    """Dotted names that a module calls or takes, and whether a call is for writing."""
    called = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called.add(id(node.func))
            mode = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
            constants = [k.value for k in node.keywords if k.arg == "mode"]
            mode += [value.value for value in constants if isinstance(value, ast.Constant)]
            yield node.lineno, ast.unparse(node.func), mode == ["w"]
        elif isinstance(node, ast.Attribute) and id(node) not in called:
            yield node.lineno, ast.unparse(node), False
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name, False) for name in names)


def test_media_are_opened_in_one_place():
    wrong = []
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for line, name, is_written in calls_in(path):
                allowed = OPENERS.get(name)
                if (allowed is not None and not is_written and place not in allowed) or any(
                    name == n or name.startswith(n + ".") for n in NEVER
                ):
                    wrong.append(f"{place}:{line} {name}")
    assert wrong == []
