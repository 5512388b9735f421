import contextlib
import itertools
import os

import numpy as np
import pytest
from video_files import (
    damage,
    index_of,
    noise_over_picture,
    odd_videos,
    picture,
    variable_times_s,
    write_hiding_video,
    write_video,
)

from rotoscope.pipeline.errors import (
    DamagedVideoError,
    NotAVideoError,
    UnreasonableVideoError,
    UsageError,
    VideoError,
)
from rotoscope.pipeline.video.probe import frame_times, probe
from rotoscope.pipeline.video.read import choose_backend, read_frames


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return odd_videos(tmp_path_factory.mktemp("odd"))


def indices(frames):
    return [index_of(frame.rgb) for frame in frames]


@pytest.mark.parametrize(
    "kind",
    [
        "odd_size",
        "odd_name",
        "ten_bit",
        "gif",
        "av1",
        "vp9",
        "hevc",
        "avi",
        "zero_rate_avi",
        "promises_hours",
    ],
)
def test_every_frame_comes_once_in_order(odd, kind):
    frames = list(read_frames(probe(odd[kind])))
    assert indices(frames) == list(range(30))
    assert [frame.index for frame in frames] == list(range(30))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(30) / 30, atol=0.01)


def test_frames_carry_the_times_of_the_file(odd):
    frames = list(read_frames(probe(odd["variable_rate"])))
    np.testing.assert_allclose([f.time_s for f in frames], variable_times_s(20), atol=1e-6)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_video_is_read_upright(odd, rotation):
    stored = picture(0)
    frame = next(read_frames(probe(odd[f"turned_{rotation}"])))
    expected = np.rot90(stored, -rotation // 90)
    assert frame.rgb.shape == expected.shape
    assert frame.size == (expected.shape[1], expected.shape[0])
    assert np.median(np.abs(frame.rgb.astype(int) - expected)) <= 3


def test_kept_frames_stay_what_they_were(odd):
    frames = list(read_frames(probe(odd["hevc"])))
    assert indices(reversed(frames)) == list(range(29, -1, -1))


def test_small_luma_needs_no_rgb(odd):
    frame = next(read_frames(probe(odd["hevc"])))
    assert frame.gray(32).shape == (24, 32)
    assert not frame._cache


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_reading_may_begin_anywhere(tmp_path, codec):
    options = {"libx264": {"g": "10", "bf": "2"}, "libx265": {"g": "10"}}.get(codec)
    path = write_video(tmp_path / "a.mp4", codec=codec, frames=50, options=options)
    video = probe(path)
    times = frame_times(path)
    for start in (0, 1, 9, 10, 11, 25, 49):
        frames = list(read_frames(video, start=start, end=min(start + 4, 50)))
        assert [f.index for f in frames] == list(range(start, min(start + 4, 50)))
        assert indices(frames) == [k % 30 for k in range(start, min(start + 4, 50))]
        np.testing.assert_array_equal([f.time_s for f in frames], times[start : start + 4])


def test_packets_that_show_nothing_are_no_damage(tmp_path):
    video = probe(write_hiding_video(tmp_path / "a.avi"))
    frames = list(read_frames(video))
    assert video.num_frames == 33
    assert indices(frames) == list(range(30))
    slots = [round(frame.time_s * 30) for frame in frames]
    assert slots == [k for k in range(33) if k not in (5, 16, 27)]


@pytest.mark.parametrize("start", [-1, 30, 31])
def test_span_outside_the_video_is_refused(odd, start):
    with pytest.raises(UsageError, match=r"frames \[.*\) are not inside .*, which has 30"):
        read_frames(probe(odd["hevc"]), start=start)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_damage_in_the_middle_says_how_many_frames_came(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_video(path, frames=60, paint=noise_over_picture, options={"g": "60"})
    damage(path, at=0.6, num_bytes=400)
    with pytest.raises(DamagedVideoError, match=r"after \d+ of 60 frames; copy it") as caught:
        list(read_frames(probe(path)))
    came = 0
    with contextlib.suppress(DamagedVideoError):
        for _ in read_frames(probe(path)):
            came += 1
    assert f"after {came} of 60" in str(caught.value)
    assert 20 < came < 50


def test_frame_that_the_decoder_had_to_make_up_is_damage(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=60, paint=noise_over_picture)
    damage(path, num_bytes=20)
    with pytest.raises(DamagedVideoError, match=r"marks the next one as corrupt after \d+ of 60"):
        list(read_frames(probe(path)))


def test_stream_that_ends_early_is_damage(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    video = probe(path)
    write_video(path, frames=20)
    with pytest.raises(DamagedVideoError, match="the stream ends after 20 of 30 frames"):
        list(read_frames(video))


def test_picture_that_changes_its_size_is_refused(tmp_path):
    first = write_video(tmp_path / "a.ts", frames=10)
    second = write_video(
        tmp_path / "b.ts",
        frames=10,
        size=(80, 60),
        times_s=[1 + k / 30 for k in range(10)],
    )
    first.write_bytes(first.read_bytes() + second.read_bytes())
    video = probe(first)
    assert video.num_frames == 20
    with pytest.raises(
        UnreasonableVideoError, match="from 160 x 120 to 80 x 60 pixels at frame 10"
    ):
        list(read_frames(video))


def test_decoding_takes_one_thread(odd):
    def num_threads():
        return len(os.listdir("/proc/self/task"))

    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted through /proc")
    for kind in ("hevc", "av1", "vp9"):
        before = num_threads()
        frames = read_frames(probe(odd[kind]))
        next(frames)
        assert num_threads() == before
        frames.close()


def test_both_backends_give_the_same_pictures(odd):
    for kind in ("promises_hours", "turned_90", "variable_rate"):
        video = probe(odd[kind])
        pairs = zip(
            read_frames(video, backend="pyav"), read_frames(video, backend="decord"), strict=True
        )
        for one, other in pairs:
            assert (one.index, one.time_s, one.size) == (other.index, other.time_s, other.size)
            np.testing.assert_array_equal(one.rgb, other.rgb)
            assert other.gray(32).shape[1] >= 32


def test_decord_begins_anywhere_too(odd):
    video = probe(odd["promises_hours"])
    frames = list(read_frames(video, backend="decord", start=7, end=9))
    assert [(f.index, index_of(f.rgb)) for f in frames] == [(7, 7), (8, 8)]


def test_decord_says_what_it_cannot_open(odd):
    with pytest.raises(NotAVideoError, match=r"decord cannot open .* \(av1\); use the backend"):
        list(read_frames(probe(odd["av1"]), backend="decord"))


def test_auto_takes_pyav(odd):
    video = probe(odd["av1"])
    assert choose_backend(video) == "pyav"
    assert choose_backend(video, "decord") == "decord"


@pytest.mark.realdata
def test_real_damaged_recording_says_how_far_it_goes(shared_data):
    video = probe(shared_data / "decord_testdata" / "corrupted.mp4")
    assert video.num_frames == 50
    with pytest.raises(DamagedVideoError, match=r"cannot be decoded .* after 28 of 50 frames"):
        list(read_frames(video))


@pytest.mark.realdata
def test_real_turned_recording_is_upright(shared_data):
    # Letters on the keys: both are bright strokes on dark keys, and both agree with decord,
    # which applies the turn by its own code.
    for name in ("video_0.mov", "video_90.mov"):
        video = probe(shared_data / "decord_testdata" / name)
        one = next(read_frames(video, backend="pyav"))
        other = next(read_frames(video, backend="decord"))
        np.testing.assert_array_equal(one.rgb, other.rgb)


@pytest.mark.realdata
def test_real_recordings_can_be_begun_anywhere(shared_data):
    for name in ("dex_retargeting/human_hand_video.mp4", "sam2_gallery/bedroom.mp4"):
        video = probe(shared_data / name)
        whole = {f.index: f for f in read_frames(video, end=130) if f.index >= 120}
        for frame in read_frames(video, start=120, end=130):
            assert frame.time_s == whole[frame.index].time_s
            np.testing.assert_array_equal(frame.rgb, whole[frame.index].rgb)


def scrambled(data, rng):
    """A file's bytes with a few overwritten, dropped or cut off, half of the time near the ends."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if len(data) < 100:
            break
        at = int(
            rng.choice(
                [rng.integers(len(data)), rng.integers(100), len(data) - rng.integers(1, 100)]
            )
        )
        match rng.integers(4):
            case 0:
                data[at] = rng.integers(256)
            case 1:
                data[at : at + 4] = rng.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"]
                )
            case 2:
                del data[at : at + int(rng.integers(1, 50))]
            case 3:
                del data[at + 1 :]
    return bytes(data)


def test_scrambled_files_end_in_frames_or_in_a_clear_error(odd, tmp_path):
    rng = np.random.default_rng(0)
    outcomes = set()
    for number in range(400):
        source = odd[sorted(odd)[number % len(odd)]]
        path = tmp_path / f"scrambled{source.suffix}"
        path.write_bytes(scrambled(source.read_bytes(), rng))
        try:
            frames = list(read_frames(probe(path)))
        except VideoError as error:
            outcomes.add(type(error))
            continue
        outcomes.add("frames")
        assert all(b.time_s > a.time_s for a, b in itertools.pairwise(frames))
    assert outcomes >= {"frames", NotAVideoError, DamagedVideoError}
