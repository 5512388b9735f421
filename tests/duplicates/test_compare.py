"""Copies are told from other takes, and how they were altered is told, too."""

import numpy as np
import pytest
from copied_discs import take, write, scaled

from rotoscope.pipeline.duplicates.compare import compare
from rotoscope.pipeline.duplicates.find import copies_among, groups_of
from rotoscope.pipeline.duplicates.fingerprint import fingerprint

SCENE = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("discs")


@pytest.fixture(scope="module")
def original(folder):
    return fingerprint(write(folder / "original.mp4", take(SCENE, 0)))


@pytest.fixture(scope="module")
def fingerprint_of(folder):
    def make(name, pictures, **options):
        return fingerprint(write(folder / f"{name}.mp4", pictures, **options))

    return make


CHANGES = {
    "scaled": lambda p: scaled(p, 96, 72),
    "cropped": lambda p: p[:, 12:110, 20:150],
    "mirrored": lambda p: p[:, :, ::-1],
    "trimmed": lambda p: p[13:70],
    "mirrored, cropped and trimmed": lambda p: p[7:66, 10:112, 8:144, :][:, :, ::-1],
    "scaled and trimmed": lambda p: scaled(p[11:], 80, 60),
}


@pytest.mark.parametrize("name", CHANGES)
def test_altered_copies_are_copies_whichever_comes_first(name, original, fingerprint_of):
    copy = fingerprint_of(name.replace(" ", "_"), CHANGES[name](take(SCENE, 0)))
    for first, second in ((original, copy), (copy, original)):
        found = compare(first, second, (0, 1))
        assert found is not None
        assert found.is_same
        assert found.crop.is_mirrored == ("mirrored" in name)
        if "cropped" not in name:
            assert found.crop.width == pytest.approx(1.0, abs=0.03)


def test_what_was_encoded_coarsely_is_a_copy(original, fingerprint_of):
    copy = fingerprint_of("coarse", take(SCENE, 0), options={"crf": "38"})
    found = compare(original, copy, (0, 1))
    assert found is not None
    assert found.is_same


def test_which_part_and_which_time_a_copy_shows_is_told(original, fingerprint_of):
    copy = fingerprint_of("part", take(SCENE, 0)[16:72, 12:108, 20:148])
    found = compare(copy, original, (4, 9))
    assert found is not None
    assert (found.whole, found.part) == (9, 4)
    crop = found.crop
    assert (crop.left, crop.width) == pytest.approx((20 / 160, 128 / 160), abs=0.012)
    assert (crop.top, crop.height) == pytest.approx((12 / 120, 96 / 120), abs=0.012)
    assert found.agreement.lag_s == pytest.approx(16 / 20, abs=0.03)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_another_take_of_the_scene_is_no_copy_though_all_moves_at_the_same_times(
    seed, original, fingerprint_of
):
    other = fingerprint_of(f"take{seed}", take(SCENE, seed))
    found = compare(original, other, (0, 1))
    assert found is not None  # it is looked at: activity and ground are alike
    assert not found.is_same


def test_a_take_that_goes_another_way_at_the_end_alone_is_no_copy(original, fingerprint_of):
    pictures = take(SCENE, 0)
    pictures[60:] = take(SCENE, 5)[60:]
    found = compare(original, fingerprint_of("end", pictures), (0, 1))
    assert found is None or not found.is_same


def test_the_same_scene_later_is_no_copy(fingerprint_of):
    pictures = take(SCENE, 8, frames=160)
    early, late = fingerprint_of("early", pictures[:80]), fingerprint_of("late", pictures[80:])
    found = compare(early, late, (0, 1))
    assert found is None or not found.is_same


def test_videos_in_which_nothing_moves_are_not_called_copies(fingerprint_of):
    still = np.repeat(take(SCENE, 0)[:1], 40, axis=0)
    one, other = fingerprint_of("still", still), fingerprint_of("still2", scaled(still, 96, 72))
    assert copies_among([one, other]) == []


def test_the_same_bytes_are_copies_whatever_they_show(folder, fingerprint_of):
    still = fingerprint_of("still3", np.repeat(take(SCENE, 0)[:1], 10, axis=0))
    (found,) = copies_among([still, still])
    assert (found.whole, found.part) == (0, 1)


def test_of_a_group_the_one_that_shows_most_is_kept(original, fingerprint_of):
    small = fingerprint_of("small", scaled(take(SCENE, 0), 96, 72))
    part = fingerprint_of("part2", take(SCENE, 0)[20:])
    other = fingerprint_of("take9", take(SCENE, 9))
    videos = [small, part, other, original]
    copies = copies_among(videos)
    assert groups_of(videos, ["a", "b", "c", "d"], copies) == ((3, 0, 1),)
