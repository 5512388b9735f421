"""Codes are running means of the latents nearest to them."""

import numpy as np
import pytest
import torch

from rotoscope.models.latent_actions.codebook import (
    build_codebook,
    codes_at,
    nearest_codes,
    quantise,
)
from rotoscope.models.latent_actions.config import CodebookConfig

CONFIG = CodebookConfig(num_codes=2, num_groups=2, decay=0.75, restart_below=0.1, commitment=0.5)


def book_of(*, counts=1.0, is_new=False):
    """Two groups of two codes of one number: 0 and 10, then 0 and 100."""
    book = build_codebook(2, CONFIG)
    book.codes.copy_(torch.tensor([[[0.0], [10.0]], [[0.0], [100.0]]]))
    book.counts.fill_(counts)
    book.sums.copy_(counts * book.codes)
    book.is_new.fill_(is_new)
    return book


LATENTS = torch.tensor([[1.0, 90.0], [9.0, 20.0], [2.0, 10.0]])


def test_every_group_has_codes_of_its_own_width():
    book = build_codebook(6, CodebookConfig(num_codes=5, num_groups=3))
    assert tuple(book.codes.shape) == (3, 5, 2)
    assert tuple(book.counts.shape) == (3, 5)
    torch.testing.assert_close(book.sums, book.codes)
    assert (book.counts == 1).all()
    assert bool(book.is_new)


def test_golden_nearest_codes_and_what_they_stand_for():
    book = book_of()
    index = nearest_codes(book, LATENTS)
    assert index.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert codes_at(book, index).tolist() == [[0.0, 100.0], [10.0, 0.0], [0.0, 0.0]]


def test_gradients_pass_straight_through_and_latents_are_pulled():
    book = book_of().eval()
    latents = LATENTS.clone().requires_grad_()
    codes, pull = quantise(book, latents, CONFIG)
    assert codes.tolist() == [[0.0, 100.0], [10.0, 0.0], [0.0, 0.0]]
    # Half the mean of 1, 100, 1, 400, 4 and 100.
    assert pull.item() == pytest.approx(0.5 * 606 / 6)
    codes.sum().backward()
    assert (latents.grad == 1).all()
    latents.grad = None
    quantise(book, latents, CONFIG)[1].backward()
    # d/dx of 0.5 * mean((x - c)^2) = 0.5 * 2 (x - c) / 6.
    torch.testing.assert_close(latents.grad, (LATENTS - codes.detach()) / 6)
    assert book.codes.flatten().tolist() == [0.0, 10.0, 0.0, 100.0]  # not in training


def test_golden_step_of_the_running_means():
    # A quarter of what is new: counts 0.75 + 0.25 n, sums 0.75 s + 0.25 of the latents' sum.
    book = book_of().train()
    quantise(book, LATENTS, CONFIG)
    torch.testing.assert_close(book.counts, torch.tensor([[1.25, 1.0], [1.25, 1.0]]))
    sums = torch.tensor([[[0.75], [7.5 + 2.25]], [[7.5], [75.0 + 22.5]]])
    torch.testing.assert_close(book.sums, sums)
    torch.testing.assert_close(book.codes, sums / book.counts[..., None])


@pytest.mark.parametrize(("counts", "is_dead"), [(0.21, False), (0.19, True)])
def test_a_code_used_under_a_tenth_of_an_even_use_starts_again(counts, is_dead):
    # Three latents for two codes: an even use is 1.5, a tenth of it 0.15. The second code of the
    # first group is used by none of these and falls to three quarters of its count.
    torch.manual_seed(0)
    book = book_of(counts=counts).train()
    latents = torch.tensor([[1.0, 90.0], [2.0, 10.0], [3.0, 20.0]])
    quantise(book, latents, CONFIG)
    if is_dead:
        assert book.codes[0, 1].item() in (1.0, 2.0, 3.0)
        assert book.counts[0, 1].item() == pytest.approx(1.5)
        assert book.sums[0, 1].item() == pytest.approx(1.5 * book.codes[0, 1].item())
    else:
        assert book.codes[0, 1].item() == pytest.approx(10.0)
        assert book.counts[0, 1].item() == pytest.approx(0.75 * counts)


def test_the_first_batch_gives_the_codes():
    torch.manual_seed(1)
    book = book_of(is_new=True).train()
    config = CONFIG.model_copy(update={"decay": 0.999999})
    quantise(book, LATENTS, config)
    assert not bool(book.is_new)
    for group in range(2):
        known = LATENTS[:, group].numpy()
        assert all(np.abs(known - c).min() < 0.1 for c in book.codes[group].flatten().tolist())
    torch.testing.assert_close(book.counts, torch.full((2, 2), 1.5), rtol=1e-4, atol=1e-4)
    # What was new once is not so again.
    before = book.codes.clone()
    quantise(book, LATENTS, config)
    torch.testing.assert_close(book.codes, before, rtol=1e-3, atol=1e-3)


def test_a_book_that_does_not_train_is_not_begun():
    book = book_of(is_new=True).eval()
    quantise(book, LATENTS, CONFIG)
    assert bool(book.is_new)
    assert book.codes.flatten().tolist() == [0.0, 10.0, 0.0, 100.0]
