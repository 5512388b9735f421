"""Every kind of file that is named anywhere is written, read back and labelled."""

from pathlib import Path

import pytest
import yaml
from video_files import index_of, write_video

from pipeline.errors import NotAVideoError
from pipeline.recipe import load_recipe
from pipeline.run.label import label
from pipeline.run.request import LabelRequest
from pipeline.video.container import FORMATS, open_video
from pipeline.video.probe import probe
from pipeline.video.read import read_frames
from pipeline.video.scan import NAMED_SUFFIXES, OTHER_SUFFIXES, VIDEO_SUFFIXES

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


def test_a_folder_of_every_kind_is_labelled_whole(kinds, tmp_path):
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
