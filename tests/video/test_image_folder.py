"""Folders of numbered pictures are videos with a stated rate; whatever else they are is told."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from video_files import index_of, picture

from rotoscope.pipeline.errors import DamagedVideoError, NotAVideoError, UnreasonableVideoError
from rotoscope.pipeline.video import image_read
from rotoscope.pipeline.video.image_folder import frame_files
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def write_pictures(folder, names=("1.png", "2.png", "3.png"), *, rate_hz=10, **more):
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Image.fromarray(picture(index, 64, 48)).save(folder / name, **more)
    if rate_hz is not None:
        (folder / "frames.yaml").write_text(f"rate_hz: {rate_hz}\n")
    return folder


def order(folder):
    return [file.name for file in frame_files(folder)]


def test_frames_come_in_order_of_their_numbers_at_the_stated_rate(tmp_path):
    names = [f"f{number}.png" for number in range(8, 13)]  # f10 before f8 by the alphabet
    video = probe(write_pictures(tmp_path / "clip", names, rate_hz=12.5))
    assert (video.num_frames, video.width, video.height) == (5, 64, 48)
    assert (video.rate_hz, video.duration_s, video.is_variable_rate) == (12.5, 0.4, False)
    frames = list(read_frames(video, start=1, end=4))
    assert [frame.index for frame in frames] == [1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0.08, 0.16, 0.24])
    assert [index_of(frame.rgb) for frame in frames] == [1, 2, 3]


@pytest.mark.parametrize(
    "names",
    [
        ["000000.jpg", "000001.jpg"],
        ["Frame 0007.JPG", "Frame 0008.JPG"],
        ["föto_写1.jpeg", "föto_写2.jpeg"],
        ["frame-000009.color.png", "frame-000010.color.png"],
        ["cam2_099.PNG", "cam2_100.PNG"],
    ],
)
def test_names_of_many_kinds_are_numbered(tmp_path, names):
    assert order(write_pictures(tmp_path / "clip", names)) == names


def test_links_to_pictures_are_followed(tmp_path):
    real = write_pictures(tmp_path / "real", rate_hz=None)
    folder = tmp_path / "linked"
    folder.mkdir()
    for file in real.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "frames.yaml").write_text("rate_hz: 5")
    assert [index_of(f.rgb) for f in read_frames(probe(folder))] == [0, 1, 2]


def test_hidden_files_and_notes_of_other_kinds_are_not_frames(tmp_path):
    folder = write_pictures(tmp_path / "clip")
    (folder / "._1.png").write_bytes(b"what macOS leaves on foreign disks")
    (folder / "readme.txt").write_text("three pictures")
    assert order(folder) == ["1.png", "2.png", "3.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png", "2.png", "5.png", "9.png"], r"5 pictures .* 2.png is followed by 5.png, and 1"),
        (["0.png", "5.png", "10.png"], r"0.png is followed by 5.png.*give 5 times less for the"),
        (["1.png", "01.png"], "more than one sequence: 01.png and 1.png"),
        (["left_1.png", "left_2.png", "right_1.png"], "sequence: left_1.png and right_1.png"),
        (["left_1.png", "right_2.png"], "sequence: left_1.png and right_2.png"),
        (["1.png", "1.jpg", "2.png"], "sequence: 1.jpg and 1.png"),
        (["1.png", "2.png", "cover.png"], "cover.png has no number"),
        (["1.png"], "is a folder with one picture; a video is"),
    ],
)
def test_what_is_no_sequence_is_refused_by_name(tmp_path, names, message):
    with pytest.raises(NotAVideoError, match=message):
        probe(write_pictures(tmp_path / "clip", names))


def test_pictures_of_kinds_that_are_not_read_are_refused(tmp_path):
    folder = write_pictures(tmp_path / "clip")
    (folder / "4.webp").write_bytes(b"x")
    with pytest.raises(NotAVideoError, match=r"1 pictures that are not read, such as 4.webp; PNG"):
        probe(folder)


def test_pictures_without_a_rate_are_refused(tmp_path):
    folder = write_pictures(tmp_path / "clip", rate_hz=None)
    with pytest.raises(UnreasonableVideoError, match=r"have no clock; write 'rate_hz: 30' into"):
        probe(folder)
    assert probe(folder, image_rate_hz=24).rate_hz == 24


def test_notes_in_the_folder_come_before_the_rate_of_the_run(tmp_path):
    assert probe(write_pictures(tmp_path / "clip", rate_hz=5), image_rate_hz=30).rate_hz == 5


@pytest.mark.parametrize(
    "text",
    [
        "# nothing",
        "rate_hz: fast",
        "rate_hz: 0",
        "rate_hz: .nan",
        "rate_hz: 5000",
        "fps: 30",
        "- 3",
    ],
)
def test_notes_that_cannot_be_meant_are_refused(tmp_path, text):
    folder = write_pictures(tmp_path / "clip")
    (folder / "frames.yaml").write_text(text)
    with pytest.raises(UnreasonableVideoError, match=r"frames.yaml in .*its one key is rate_hz"):
        probe(folder)


def test_notes_that_lead_elsewhere_are_refused(tmp_path):
    folder = write_pictures(tmp_path / "clip", rate_hz=None)
    (tmp_path / "secret.yaml").write_text("rate_hz: 5")
    (folder / "frames.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(UnreasonableVideoError, match=r"leads out of clip"):
        probe(folder)


@pytest.mark.parametrize(("orientation", "turn"), [(3, 180), (6, 90), (8, 270)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_pictures_are_turned_as_exif_says(tmp_path, orientation, turn, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    names = [f"1.{suffix}", f"2.{suffix}"]
    folder = write_pictures(tmp_path / "clip", names, exif=exif)
    video = probe(folder)
    assert video.rotation_deg == turn
    assert (video.width, video.height) == ((64, 48) if turn == 180 else (48, 64))
    (shown, _) = (frame.rgb for frame in read_frames(video))
    assert shown.shape == (video.height, video.width, 3)
    wanted = np.rot90(picture(0, 64, 48), -turn // 90)
    assert np.abs(shown[3:6, 3:6].astype(int) - wanted[3:6, 3:6]).max() < 40  # JPEG's colors


def test_mirrored_pictures_are_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 2
    folder = write_pictures(tmp_path / "clip", ["1.jpg", "2.jpg"], exif=exif)
    with pytest.raises(UnreasonableVideoError, match=r"1.jpg asks to be shown mirrored"):
        probe(folder)


@pytest.mark.filterwarnings("error")
def test_damaged_exif_does_not_stop_a_picture(tmp_path):
    folder = write_pictures(tmp_path / "clip", ["1.jpg", "2.jpg"], exif=b"Exif\0\0II*\0broken")
    assert probe(folder).rotation_deg == 0


def test_focal_length_of_the_pictures_is_found(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 27
    folder = write_pictures(tmp_path / "clip", ["1.jpg", "2.jpg"], exif=exif)
    assert probe(folder).focal_px == pytest.approx(27 / 36 * 64)


@pytest.mark.parametrize("kind", ["rgba", "rgb16", "gray16", "gray", "palette"])
def test_pictures_of_any_depth_become_rgb(tmp_path, kind):
    folder = write_pictures(tmp_path / "clip", [])
    gray = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    rgb = np.stack([gray, gray[:, ::-1], np.full_like(gray, 90)], axis=2)
    for number in (1, 2):
        file = folder / f"{number}.png"
        if kind == "rgba":
            Image.fromarray(np.dstack([rgb, np.full_like(gray, 128)])).save(file)
        elif kind == "rgb16":
            file.write_bytes(png_of(rgb.astype(np.uint16) * 257, "rgb48be"))
        elif kind == "gray16":
            Image.fromarray(gray.astype(np.uint16) * 257).save(file)
        else:
            Image.fromarray(rgb).convert("L" if kind == "gray" else "P").save(file)
    wanted = {"gray16": np.dstack([gray] * 3), "gray": None, "palette": None}.get(kind, rgb)
    if wanted is None:
        wanted = np.array(Image.open(folder / "1.png").convert("RGB"))
    first = next(iter(read_frames(probe(folder))))
    assert np.abs(first.rgb.astype(int) - wanted).max() <= 2
    y, u, v = first.to_scaled(32, 24)
    assert (y.shape, u.shape, v.shape) == ((24, 32), (12, 16), (12, 16))
    assert first.gray(32).shape[1] == 32


def png_of(image, pixel_format):
    """A PNG as FFmpeg writes it, for depths that Pillow cannot write."""
    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, pixel_format)
    frame.planes[0].update(image.astype(">u2").tobytes())
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
    encoder.time_base = Fraction(1, 10)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def test_pictures_of_mixed_sizes_are_refused(tmp_path):
    folder = write_pictures(tmp_path / "clip")
    Image.fromarray(picture(0, 32, 48)).save(folder / "2.png")
    with pytest.raises(
        UnreasonableVideoError, match=r"clip/2.png has 32 x 48 pixels, 1.png has 64 x 48 pixels"
    ):
        probe(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0", "clip/2.png is no PNG or JPEG picture"),
        (b"just text", "clip/2.png is no PNG or JPEG picture"),
        (b"GIF89a", "clip/2.png is no PNG or JPEG picture"),
    ],
)
def test_file_that_is_no_picture_is_named(tmp_path, content, message):
    folder = write_pictures(tmp_path / "clip")
    (folder / "2.png").write_bytes(content)
    with pytest.raises(DamagedVideoError, match=message):
        probe(folder)


def test_empty_picture_is_named(tmp_path):
    folder = write_pictures(tmp_path / "clip")
    (folder / "2.png").write_bytes(b"")
    with pytest.raises(NotAVideoError, match=r"clip/2.png is empty"):
        probe(folder)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_picture_that_ends_early_is_named_when_it_is_reached(tmp_path, suffix):
    folder = write_pictures(tmp_path / "clip", [f"{k}.{suffix}" for k in (1, 2, 3)])
    file = folder / f"2.{suffix}"
    os.truncate(file, file.stat().st_size * 3 // 4)
    frames = read_frames(probe(folder))
    assert index_of(next(frames).rgb) == 0
    with pytest.raises(DamagedVideoError, match=rf"clip/2.{suffix} "):
        next(frames)


def test_only_one_picture_is_open_at_a_time(tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "clip", [f"{k}.png" for k in range(30)])
    video, opened = probe(folder), []
    decode = image_read._decode
    monkeypatch.setattr(
        image_read, "_decode", lambda file, *rest: opened.append(file.name) or decode(file, *rest)
    )
    frames = read_frames(video, start=20)
    assert next(frames).index == 20
    assert opened == ["20.png"]
