import numpy as np
from hand_shapes import detection
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.hands.landmarker import Detection
from rotoscope.models.hands.look import Look

looks = st.builds(
    Look,
    left=st.integers(-20, 60),
    top=st.integers(-20, 60),
    side=st.integers(40, 70),
    num_turns=st.integers(0, 3),
    is_mirrored=st.booleans(),
)


def seen_in(picture):
    """A hand whose landmarks are where the picture is marked, by brightness."""
    found = [np.argwhere(picture[..., 0] == value) for value in range(100, 121)]
    landmarks = np.array([np.nan * np.ones(2) if len(f) == 0 else f[0][::-1] + 0.5 for f in found])
    return Detection(landmarks, detection().hand_m, 0.9)


@given(look=looks, seed=st.integers(0, 1000))
def test_what_is_seen_in_a_look_is_put_back_to_where_it_is_in_the_picture(look, seed):
    rgb = np.zeros((80, 100, 3), np.uint8)
    places = np.random.default_rng(seed).permutation(80 * 100)[:21]
    rows, columns = np.divmod(places, 100)
    rgb[rows, columns, 0] = np.arange(100, 121)
    found = look.in_picture(seen_in(look.picture(rgb))).landmarks_px
    is_inside = np.isfinite(found[:, 0])
    expected = np.column_stack([columns, rows]) + 0.5
    np.testing.assert_allclose(found[is_inside], expected[is_inside])
    in_square = (
        (columns >= look.left) & (columns < look.left + look.side)
        & (rows >= look.top) & (rows < look.top + look.side)
    )  # fmt: skip
    np.testing.assert_array_equal(is_inside, in_square)


@given(look=looks)
def test_joints_in_meters_keep_facing_as_the_landmarks_do(look):
    hand = detection(px_per_m=300.0)
    shown = look.in_picture(hand)
    flat = shown.hand_m[:, :2] - shown.hand_m[:, :2].mean(axis=0)
    seen = shown.landmarks_px - shown.landmarks_px.mean(axis=0)
    np.testing.assert_allclose(flat * 300.0, seen, atol=1e-9)
    np.testing.assert_allclose(shown.hand_m[:, 2], hand.hand_m[:, 2])


def test_a_mirrored_right_hand_is_the_left_hand_that_it_was():
    look = Look(0, 0, 100, is_mirrored=True)
    assert look.in_picture(detection(right_probability=0.9)).right_probability < 0.2


def test_a_look_moves_with_the_hand_and_changes_its_size_slowly():
    look = Look(0, 0, 100)
    near = detection(at=(300.0, 200.0), px_per_m=1000.0)
    moved = look.moved_to(near)
    low, high = near.landmarks_px.min(axis=0), near.landmarks_px.max(axis=0)
    center = np.array([moved.left, moved.top]) + moved.side / 2
    np.testing.assert_allclose(center, (low + high) / 2, atol=1)
    assert 100 < moved.side <= 111
    for _ in range(20):
        moved = moved.moved_to(near)
    assert moved.side >= 2.1 * (high - low).max()
