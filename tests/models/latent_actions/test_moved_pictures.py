"""Clips are moved each by its own, and points move with what they are on."""

import torch

from rotoscope.models.latent_actions.losses import _moved


def test_each_clip_is_moved_by_its_own_and_says_where_to():
    torch.manual_seed(0)
    size, at = 16, 8
    images = torch.zeros(40, 2, 3, size, size)
    images[..., at, at] = 1
    moved, share = _moved(images, 3)
    assert moved.shape == images.shape
    rows, columns = moved[:, :, 0].sum(-1).argmax(-1), moved[:, :, 0].sum(-2).argmax(-1)
    assert (rows[:, 0] == rows[:, 1]).all()
    assert (columns[:, 0] == columns[:, 1]).all()
    told = torch.stack([columns[:, 0] - at, rows[:, 0] - at], dim=1) / size
    torch.testing.assert_close(told, share)
    assert len(torch.unique(share, dim=0)) > 15
    assert share.abs().max() <= 3 / size
