"""Copies among videos are found, whatever was done to them; other takes of a scene are none."""

import numpy as np
import pytest
from typer.testing import CliRunner
from video_files import write_video

from rotoscope.cli.main import app
from rotoscope.pipeline.duplicates.run import find_duplicates
from rotoscope.pipeline.duplicates.thumbnails import glimpse
from rotoscope.pipeline.duplicates.views import VIEWS, WHOLE, View, descriptors
from rotoscope.pipeline.errors import UsageError, VideoError
from rotoscope.pipeline.video.scan import scan

SIZE = (160, 120)


def room(seed):
    """A picture with some structure."""
    draw = np.random.default_rng(seed)
    coarse = draw.uniform(30, 220, (6, 8, 3))
    return np.kron(coarse, np.ones((20, 20, 1)))


def take(scene, seed, frames=60):
    """Frames of a scene in which a thing wanders, on another way for each seed."""
    draw = np.random.default_rng(1000 + seed)
    steps = np.cumsum(draw.normal(0, 3, (frames, 2)), axis=0)
    place = np.array([80, 60]) + 45 * np.sin(steps / 45 + draw.uniform(0, 6, 2))
    out = []
    for x, y in place.astype(int):
        image = room(scene).copy()
        image[max(y - 14, 0) : y + 14, max(x - 14, 0) : x + 14] = (250, 240, 20)
        out.append(image.astype(np.uint8))
    return out


def scaled(frames):
    return [np.ascontiguousarray(f[::2, ::2]) for f in frames]


CHANGES = {
    "encoded": (lambda frames: frames, SIZE),
    "scaled": (scaled, (80, 60)),
    "mirrored": (lambda frames: [np.ascontiguousarray(f[:, ::-1]) for f in frames], SIZE),
    "cropped": (lambda frames: [np.ascontiguousarray(f[8:108, 12:148]) for f in frames],
                (136, 100)),
    "trimmed": (lambda frames: frames[13:50], SIZE),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    for scene in range(3):
        for seed in range(2):
            frames = take(scene, 10 * scene + seed)
            write_video(root / f"scene{scene}_take{seed}.mp4", frames=frames, size=SIZE)
    for number, (name, (change, size)) in enumerate(CHANGES.items()):
        (root / "copies").mkdir(exist_ok=True)
        frames = change(take(number % 3, 10 * (number % 3)))
        write_video(root / "copies" / f"{name}.mp4", frames=frames, size=size)
    return root


@pytest.fixture(scope="module")
def found(folder):
    return find_duplicates(scan([folder]))


def test_all_copies_and_nothing_but_copies_are_found(found):
    groups = {frozenset([g.kept.name, *(c.video.name for c in g.copies)]) for g in found.groups}
    assert groups == {
        frozenset({"scene0_take0.mp4", "copies/encoded.mp4", "copies/cropped.mp4"}),
        frozenset({"scene1_take0.mp4", "copies/scaled.mp4", "copies/trimmed.mp4"}),
        frozenset({"scene2_take0.mp4", "copies/mirrored.mp4"}),
    }


def test_it_says_what_was_done_to_a_copy(found):
    said = {c.video.name: str(c.likeness) for g in found.groups for c in g.copies}
    assert "cropped" in said["copies/cropped.mp4"]
    assert "shifted by" in said["copies/trimmed.mp4"]


def test_the_command_lists_what_is_no_copy(folder, found, tmp_path):
    kept = tmp_path / "kept.txt"
    result = CliRunner().invoke(app, ["duplicates", str(folder), "--kept", str(kept)])
    assert result.exit_code == 0
    assert "5 of 11 videos are copies" in result.output
    paths = kept.read_text().splitlines()
    assert [p.removeprefix(f"{folder}/") for p in paths] == [v.name for v in found.kept]
    assert len(paths) == 6


def test_a_video_that_cannot_be_read_is_named_and_the_others_are_compared(folder, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    result = CliRunner().invoke(app, ["duplicates", str(tmp_path), str(folder)])
    assert result.exit_code == 1
    assert "broken.mp4 was not compared" in result.output
    assert "5 of 11 videos are copies" in result.output
    with pytest.raises(VideoError, match="broken"):
        glimpse(tmp_path / "broken.mp4")


def test_where_there_is_no_video_it_says_so():
    with pytest.raises(UsageError, match="no video was found; name folders or files of videos"):
        find_duplicates([])


def test_a_view_of_the_whole_is_the_picture_shrunk_and_a_mirrored_one_turned():
    picture = np.arange(48.0)[None, None, :].repeat(48, axis=1)
    seen = WHOLE.of(picture)
    assert seen.shape[1:] == (20, 20)
    assert seen.mean() == pytest.approx(picture.mean(), rel=1e-5)
    mirrored = View(0, 0, 1, 1, is_mirrored=True).of(picture)
    np.testing.assert_allclose(mirrored, seen[:, :, ::-1])
    assert sum(view.is_mirrored for view in VIEWS) == len(VIEWS) // 2


def test_descriptors_forget_brightness_and_contrast_and_one_color_is_like_nothing():
    picture = room(0).mean(axis=2)[None]
    one, other = descriptors(picture), descriptors(0.5 * picture + 30)
    assert (one @ other.T).item() == pytest.approx(1.0, abs=1e-4)
    assert not descriptors(np.full((1, 4, 4), 9.0)).any()
