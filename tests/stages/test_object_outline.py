"""The edge of a segment in 32 points holds the segment."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rotoscope.pipeline.stages.object_outline import OUTLINE_NAMES, VERTICES, outline
from rotoscope.pipeline.tracks import ObjectTrack

WIDTH, HEIGHT = 160, 120
Y, X = np.mgrid[:HEIGHT, :WIDTH]


def thing(mask):
    return ObjectTrack(
        number=1,
        mask_bits=np.packbits(mask.reshape(1, -1), axis=1),
        mask_width=WIDTH,
        mask_height=HEIGHT,
        valid=np.ones(1, bool),
        center_px=np.zeros((1, 2)),
        sigma_px=np.ones(1),
        held=np.zeros((1, 2), bool),
        center_m=np.full((1, 3), np.nan),
        sigma_m=np.full((1, 3), np.nan),
    )


def filled(shares):
    picture = Image.new("1", (WIDTH, HEIGHT))
    vertices = shares.reshape(-1, 2) * [WIDTH, HEIGHT]
    ImageDraw.Draw(picture).polygon([tuple(p) for p in vertices.tolist()], fill=1, outline=1)
    return np.asarray(picture)


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize(
    ("mask", "least"),
    [
        (np.hypot(X - 80, Y - 60) < 30, 0.95),
        ((abs(X - 50) < 25) & (abs(Y - 70) < 30), 0.93),
        (abs(X - Y - 10) + 0.2 * abs(X + Y - 140) < 14, 0.85),
    ],
    ids=["disc", "box", "stick"],
)
def test_edge_holds_the_segment(mask, least):
    found = outline(thing(mask), 0)
    assert found.shape == (len(OUTLINE_NAMES),) == (2 * VERTICES,)
    assert overlap(filled(found), mask) > least


def test_a_finger_across_a_thing_cuts_nothing_off_its_edge():
    whole = (abs(X - 80) < 40) & (abs(Y - 60) < 30)
    cut = whole & (abs(Y - 60) > 6)
    assert overlap(filled(outline(thing(cut), 0)), whole) > 0.9


def test_no_segment_has_no_edge():
    assert np.isnan(outline(thing(np.zeros((HEIGHT, WIDTH), bool)), 0)).all()
