"""What is asked of latents has known answers for latents that are made by hand."""

from types import SimpleNamespace

import moving_squares
import numpy as np
import pytest

from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.latent_actions.probes import probe

GAP_S = 2 / moving_squares.RATE_HZ


class Places(LatentModel):
    """Features are places of the square, read off what is bright; latents are made by hand."""

    facts = SimpleNamespace(gap_s=GAP_S, config=SimpleNamespace(latent_size=2))

    def __init__(self, told):
        object.__setattr__(self, "told", told)

    def features(self, images):
        bright = images[..., 0].astype(float) - 40
        grid = (np.arange(moving_squares.SIZE) + 0.5) / moving_squares.SIZE
        total = bright.sum((1, 2))
        return np.stack([bright.sum(1) @ grid / total, bright.sum(2) @ grid / total], axis=1)

    def latents(self, before, after):
        return self.told(before, after)


def asked(told, *, videos=3, tracked=True):
    made = [moving_squares.video(seed, tracked=tracked) for seed in range(videos)]
    return probe(Places(told), made)


def test_differences_of_places_add_up_turn_round_and_tell_motion():
    found = asked(lambda before, after: 3 + 10 * (after - before) @ np.array([[0, 1], [2, 0]]))
    assert found["additivity"] == pytest.approx(1)
    assert found["reversal"] == pytest.approx(1)
    assert found["motion_r2"] > 0.98


def test_sizes_of_motion_do_neither():
    found = asked(lambda before, after: np.abs(after - before))
    assert found["additivity"] < 0.98
    assert found["reversal"] < 0
    assert found["motion_r2"] < 0.3


def test_places_alone_are_no_action():
    found = asked(lambda before, after: after)
    assert found["motion_r2"] > 0.9, "what a frame and itself are told is taken off"
    assert asked(lambda before, after: np.zeros_like(after))["additivity"] is None


def test_what_cannot_be_asked_is_none():
    moved = lambda before, after: after - before  # noqa: E731
    assert asked(moved, tracked=False)["motion_r2"] is None
    assert asked(moved, videos=1)["motion_r2"] is None
