import av
import numpy as np
import pytest
from video_files import picture

from rotoscope.pipeline.video.picture import FULL, PictureMaker, plane_of, to_bt601, turn_into

FORMATS = ["yuv420p", "yuvj420p", "yuv420p10le", "yuv422p", "yuv444p", "nv12", "yuyv422", "bgra"]


def av_frame(image, pixel_format="yuv420p"):
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return frame.reformat(format=pixel_format)


def flat(y, u, v, *, matrix=2, color_range=0):
    frame = av.VideoFrame(64, 48, "yuv420p")
    for index, level in enumerate((y, u, v)):
        plane_of(frame, index)[:] = level
    frame.colorspace, frame.color_range = matrix, color_range
    return frame


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rgb_is_upright_in_every_pixel_format(pixel_format, rotation):
    image = picture(3, 72, 40)
    stored = np.rot90(image, rotation // 90)
    found = PictureMaker(rotation).rgb(av_frame(stored, pixel_format))
    assert found.shape == image.shape
    assert found.flags.c_contiguous
    # Color at half the size blurs the borders between the fields.
    assert np.median(np.abs(found.astype(int) - image)) <= 3


def test_odd_size_keeps_every_pixel():
    image = picture(3, 161, 121)
    found = PictureMaker(90).rgb(av_frame(np.rot90(image), "yuv444p"))
    assert found.shape == (121, 161, 3)
    assert np.abs(found.astype(int) - image).max() <= 3


@pytest.mark.parametrize(
    ("matrix", "red"), [(2, (81, 90, 240)), (6, (81, 90, 240)), (1, (63, 102, 240))]
)
def test_red_is_red_in_the_matrix_that_the_file_states(matrix, red):
    found = PictureMaker(0).rgb(flat(*red, matrix=matrix, color_range=1))[20, 20]
    np.testing.assert_allclose(found, (255, 0, 0), atol=2)


def test_full_range_is_honored_where_stated():
    assert PictureMaker(0).rgb(flat(235, 128, 128))[0, 0, 0] == 255
    assert PictureMaker(0).rgb(flat(235, 128, 128, color_range=FULL))[0, 0, 0] == 235


@pytest.mark.parametrize("matrix", [1, 4, 7, 9])
def test_scaled_picture_is_bt601_whatever_the_source(matrix):
    kr, kb = {1: (0.2126, 0.0722), 4: (0.3, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}[matrix]
    red, green, blue = 0.8, 0.3, 0.1
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    stored = (
        16 + 219 * luma,
        128 + 112 * (blue - luma) / (1 - kb),
        128 + 112 * (red - luma) / (1 - kr),
    )
    frame = flat(*(round(x) for x in stored), matrix=matrix, color_range=1)
    y, u, v = (float(p.mean()) for p in PictureMaker(0).scaled(frame, 32, 24))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert y == pytest.approx(16 + 219 * luma, abs=1.5)
    assert u == pytest.approx(128 + 112 * (blue - luma) / 0.886, abs=1.5)
    assert v == pytest.approx(128 + 112 * (red - luma) / 0.701, abs=1.5)


def test_matrix_change_does_not_wrap_at_white():
    y, u, v = (
        np.full((4, 4), 254, np.uint8),
        np.full((2, 2), 20, np.uint8),
        np.full((2, 2), 250, np.uint8),
    )
    assert to_bt601(y, u, v, 1)[0].min() >= 250


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_scaled_picture_is_upright_and_of_the_size_asked_for(rotation):
    image = picture(0, 160, 120)
    stored = np.rot90(image, rotation // 90)
    y, u, v = PictureMaker(rotation).scaled(av_frame(stored), 80, 60)
    assert (y.shape, u.shape, v.shape) == ((60, 80), (30, 40), (30, 40))
    assert v[:12, :16].mean() > 180, "top left is red"
    assert u[-12:, :16].mean() > 180, "bottom left is blue"
    assert y[-12:, -16:].mean() > 200, "bottom right is white"


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_luma_has_the_width_asked_for_and_the_stored_turn(pixel_format):
    image = picture(0, 160, 120)
    luma = PictureMaker(90).luma(av_frame(image, pixel_format), 32)
    assert luma.shape == (24, 32)
    assert luma.dtype == np.uint8
    corners = luma[3, 3], luma[3, -4], luma[-4, 3], luma[-4, -4]
    # BT.601 luma of the four corner colors, in limited range except where a format says full.
    np.testing.assert_allclose(corners, (90, 122, 62, 213), atol=18)


def test_luma_of_a_picture_smaller_than_asked_for_repeats_pixels():
    assert PictureMaker(0).luma(av_frame(picture(0, 16, 12)), 32).shape == (24, 32)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_in_strips_is_turning(turns):
    source = np.random.default_rng(turns).integers(0, 256, (300, 170), np.uint8)
    target = np.empty(source.shape[:: -1 if turns % 2 else 1], np.uint8)
    turn_into(target, source, turns)
    np.testing.assert_array_equal(target, np.rot90(source, -turns))


def test_same_request_is_scaled_once_and_another_anew():
    maker, one, other = PictureMaker(0), av_frame(picture(0)), av_frame(picture(9))
    first = maker.scaled(one, 80, 60)
    assert maker.scaled(one, 80, 60)[0] is first[0]
    assert maker.scaled(one, 40, 30)[0].shape == (30, 40)
    assert maker.scaled(other, 40, 30)[0].mean() != maker.scaled(one, 40, 30)[0].mean()
