"""Copies are told from other takes, and how they were altered is told, too."""

import numpy as np
import pytest
from copied_discs import scaled, take, write

from rotoscope.pipeline.duplicates.agreement import Agreement
from rotoscope.pipeline.duplicates.compare import SURE, Copy, compare
from rotoscope.pipeline.duplicates.crops import Crop
from rotoscope.pipeline.duplicates.find import (
    _without_contradiction,
    copies_among,
    groups_of,
)
from rotoscope.pipeline.duplicates.fingerprint import LARGE_PX, fingerprint

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


def larger(video):
    return fingerprint(video.path, LARGE_PX)


def copies(*videos):
    return copies_among(videos, larger)


CHANGES = {
    "scaled": lambda p: scaled(p, 96, 72),
    "cropped": lambda p: p[:, 12:110, 20:150],
    "mirrored": lambda p: p[:, :, ::-1],
    "trimmed": lambda p: p[13:70],
    "mirrored, cropped and trimmed": lambda p: p[7:66, 10:112, 8:144, :][:, :, ::-1],
    "scaled and trimmed": lambda p: scaled(p[11:], 112, 84),
}


@pytest.mark.parametrize("name", CHANGES)
def test_altered_copies_are_copies_whichever_comes_first(name, original, fingerprint_of):
    copy = fingerprint_of(name.replace(" ", "_"), CHANGES[name](take(SCENE, 0)))
    for first, second in ((original, copy), (copy, original)):
        (found,) = copies(first, second)
        assert found.crop.is_mirrored == ("mirrored" in name)
        if "cropped" not in name:
            assert found.crop.width == pytest.approx(1.0, abs=0.03)


def test_what_was_encoded_coarsely_is_a_copy(original, fingerprint_of):
    assert copies(original, fingerprint_of("coarse", take(SCENE, 0), options={"crf": "32"}))


def test_which_part_and_which_time_a_copy_shows_is_told(original, fingerprint_of):
    copy = fingerprint_of("part", take(SCENE, 0)[16:72, 12:108, 20:148])
    (found,) = copies(copy, original)
    assert (found.whole, found.part) == (1, 0)
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
    assert found is None or found.is_apart(SURE)
    assert copies(original, other) == []


def test_a_take_that_goes_another_way_at_the_end_alone_is_no_copy(original, fingerprint_of):
    pictures = take(SCENE, 0)
    pictures[60:] = take(SCENE, 5)[60:]
    assert copies(original, fingerprint_of("end", pictures)) == []


def test_the_same_scene_later_is_no_copy(fingerprint_of):
    pictures = take(SCENE, 8, frames=160)
    early, late = fingerprint_of("early", pictures[:80]), fingerprint_of("late", pictures[80:])
    assert copies(early, late) == []


def test_videos_in_which_nothing_moves_are_not_called_copies(fingerprint_of):
    still = np.repeat(take(SCENE, 0)[:1], 40, axis=0)
    one, other = fingerprint_of("still", still), fingerprint_of("still2", scaled(still, 96, 72))
    assert copies(one, other) == []


def test_the_same_bytes_are_copies_whatever_they_show(fingerprint_of):
    still = fingerprint_of("still3", np.repeat(take(SCENE, 0)[:1], 10, axis=0))
    (found,) = copies(still, still)
    assert (found.whole, found.part) == (0, 1)


def test_of_claims_that_contradict_each_other_the_better_one_counts():
    def claim(whole, part, moving):
        return Copy(whole, part, Crop(), 1.0, Agreement(0.0, 2.0, 0.1, moving))

    good, worse, other = claim(0, 2, 0.11), claim(1, 2, 0.15), claim(3, 4, 0.16)
    kept = _without_contradiction([worse, good, other], {frozenset((0, 1))})
    assert kept == [good, other]
    assert _without_contradiction([worse, good, other], set()) == [good, worse, other]


def test_of_a_group_the_one_that_shows_most_is_kept(original, fingerprint_of):
    small = fingerprint_of("small", scaled(take(SCENE, 0), 96, 72))
    part = fingerprint_of("part2", take(SCENE, 0)[20:])
    other = fingerprint_of("take9", take(SCENE, 9))
    videos = [small, part, other, original]
    assert groups_of(videos, ["a", "b", "c", "d"], copies(*videos)) == ((3, 0, 1),)
