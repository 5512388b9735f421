"""Every kind of file that is named anywhere is written, read back and labeled."""

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from video_files import index_of, picture, write_video

from rotoscope.pipeline.errors import NotAVideoError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.video import container as container_module
from rotoscope.pipeline.video.container import FORMATS, open_video, packets
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames
from rotoscope.pipeline.video.scan import NAMED_SUFFIXES, OTHER_SUFFIXES, VIDEO_SUFFIXES

TINY = Path(__file__).parents[1] / "run" / "tiny_stages.py"
NUM_FRAMES = 40
MPEG2 = {"codec": "mpeg2video", "fps": 25}
MPEG4 = {"codec": "mpeg4"}
HOW: dict[str, dict] = {
    ".mp4": {},
    ".m4v": {},
    ".mov": {},
    ".qt": {"container": "mov"},
    ".f4v": {},
    ".insv": {"container": "mp4"},
    ".360": {"container": "mp4"},
    ".lrv": {"container": "mp4"},
    ".mj2": {"container": "mov", "codec": "mjpeg", "pixel_format": "yuvj420p"},
    ".3gp": MPEG4,
    ".3g2": MPEG4,
    ".mkv": {},
    ".mk3d": {"container": "matroska"},
    ".webm": {"codec": "libvpx-vp9"},
    ".avi": MPEG4,
    ".divx": MPEG4 | {"container": "avi"},
    ".gif": {"codec": "gif", "pixel_format": "rgb8", "fps": 25},
    ".mpg": {"codec": "mpeg1video", "fps": 25},
    ".mpe": {"codec": "mpeg1video", "fps": 25, "container": "mpeg"},
    ".mpeg": MPEG2,
    ".vob": MPEG2,
    ".mod": MPEG2 | {"container": "vob"},
    ".ts": {},
    ".mts": {},
    ".m2ts": {},
    ".mpegts": {"container": "mpegts"},
    ".m2t": MPEG2,
    ".tod": MPEG2 | {"container": "mpegts"},
    ".wmv": {"codec": "wmv2"},
    ".asf": {"codec": "msmpeg4"},
    ".flv": {"codec": "flv"},
    ".ogv": {"codec": "libvpx", "container": "ogg"},
    ".ogm": {"codec": "libvpx", "container": "ogg"},
    ".mxf": MPEG2,
    ".nut": {},
    ".ivf": {"codec": "libvpx-vp9"},
    ".wtv": MPEG2,
    ".rm": {"codec": "rv20"},
    ".rmvb": {"codec": "rv20", "container": "rm"},
    ".dv": {"codec": "dvvideo", "size": (720, 576), "fps": 25},
}
"""How a file of each ending is written, as most programs that write such files do."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    return {
        suffix: write_video(folder / f"kind{suffix}", frames=NUM_FRAMES, seed=seed, **how)
        for seed, (suffix, how) in enumerate(HOW.items())
    }


def test_every_suffix_that_is_named_is_in_the_matrix():
    assert set(HOW) == VIDEO_SUFFIXES | NAMED_SUFFIXES


def test_the_docs_name_the_suffixes_that_are_read():
    page = (Path(__file__).parents[2] / "docs/how_to/resume_and_retry.md").read_text()
    (line,) = [row for row in page.splitlines() if row.startswith("Folders are searched through")]
    assert (
        set(re.findall(r"`(\.\w+)`", line.partition("Not searched")[0]))
        == VIDEO_SUFFIXES | NAMED_SUFFIXES
    )


def test_every_container_of_the_whitelist_is_in_the_matrix(kinds):
    found = set()
    for path in kinds.values():
        with open_video(path) as (container, _):
            found.update(container.format.name.split(","))
    # The muxer for FLV writes one kind; what comes live is read by the same code.
    assert found == set(FORMATS.split(",")) - {"live_flv"}


@pytest.mark.parametrize("suffix", sorted(HOW))
def test_every_suffix_is_read_back_frame_by_frame(kinds, suffix):
    video = probe(kinds[suffix])
    frames = list(read_frames(video))
    assert video.num_frames == NUM_FRAMES
    assert video.rate_hz == pytest.approx(HOW[suffix].get("fps", 30), rel=2e-3)
    assert [index_of(frame.rgb) for frame in frames] == [k % 30 for k in range(NUM_FRAMES)]
    assert frames[-1].time_s == pytest.approx((NUM_FRAMES - 1) / video.rate_hz, rel=2e-3)


@pytest.mark.parametrize("suffix", [".h264", ".m2v"])
def test_bare_streams_are_refused_in_words(tmp_path, suffix):
    assert suffix in OTHER_SUFFIXES
    codec = {".h264": "libx264", ".m2v": "mpeg2video"}[suffix]
    path = write_video(tmp_path / f"a{suffix}", codec=codec, fps=25)
    with pytest.raises(NotAVideoError, match="is not a video"):
        probe(path)


def test_a_folder_of_every_kind_is_labeled_whole(kinds, tmp_path):
    recipe = tmp_path / "lamp.yaml"
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    export = {"width": 64, "height": 48}
    recipe.write_text(yaml.safe_dump({"name": "lamp", "stages": stages, "export": export}))
    folder = next(iter(kinds.values())).parent
    request = LabelRequest(
        inputs=(folder, *(kinds[s] for s in sorted(NAMED_SUFFIXES))),
        recipe=load_recipe(str(recipe)),
        out=tmp_path / "out",
        store=tmp_path / "store",
        workers=2,
    )
    rows = label(request).rows
    assert {row.name: row.status for row in rows} == {f"kind{s}": "done" for s in HOW}


def test_tags_in_another_text_encoding_are_no_reason_to_refuse(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    data = path.read_bytes()
    assert data.count(b"Lavf") == 1
    path.write_bytes(data.replace(b"Lavf", b"L\xe4v\xff"))
    assert probe(path).num_frames == 30


def write_with_sound(path, *, num_streams):
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        sounds = [output.add_stream("mp2", rate=44_100) for _ in range(num_streams)]
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
            for sound in sounds:
                silence = np.zeros((1, 1764), np.int16)
                part = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
                part.sample_rate, part.pts = 44_100, index * 1764
                output.mux(sound.encode(part))
        output.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_streams_that_turn_up_on_the_way_are_no_reason_to_fail(tmp_path, monkeypatch, suffix):
    """PyAV's own loop ends in an IndexError there."""
    brief = {"probesize": "60000", "analyzeduration": "100000"}
    monkeypatch.setattr(container_module, "_OPEN_ONLY", container_module._OPEN_ONLY | brief)
    alone = write_video(tmp_path / f"alone{suffix}", codec="mpeg2video", fps=25, frames=60)
    many = write_with_sound(tmp_path / f"many{suffix}", num_streams=20).read_bytes()
    data, times = alone.read_bytes(), 1_500_000 // alone.stat().st_size
    path = tmp_path / f"late{suffix}"
    # Not at its end either, where FFmpeg looks for the length.
    path.write_bytes(data * 12 + many + data * times)
    with open_video(path) as (container, stream):
        assert len(container.streams) == 1
        count = sum(packet.size > 0 for packet in packets(container, stream))
        assert len(container.streams) == 1
    assert count >= (12 + times) * 60
