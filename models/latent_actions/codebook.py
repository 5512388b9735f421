"""A codebook whose codes are running means, cut into groups that share nothing.

Codes follow their latents by exponential moving averages (van den Oord et al. 2017, appendix A.1);
one that is hardly used starts again at a latent of the present batch, without which most codes die
early and never come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotoscope.models.latent_actions.config import CodebookConfig
from rotoscope.models.training.shares import sum_in_all

if TYPE_CHECKING:
    import torch


def build_codebook(size: int, config: CodebookConfig) -> Any:
    """A module with buffers `codes`, `sums` (group, code, number), `counts` and `is_new`.

    The first batch gives the codes: far from all latents, one code would be nearest to all of them.
    """
    import torch

    width = size // config.num_groups
    codes = torch.randn(config.num_groups, config.num_codes, width)
    counts = torch.ones(config.num_groups, config.num_codes)
    book = torch.nn.Module()
    book.register_buffer("codes", codes)
    book.register_buffer("sums", codes.clone())
    book.register_buffer("counts", counts)
    book.register_buffer("is_new", torch.ones((), dtype=torch.bool))
    return book


def nearest_codes(book: Any, latents: torch.Tensor) -> torch.Tensor:
    """Index of the nearest code of every group, (row, group)."""
    import torch

    groups, _, width = book.codes.shape
    parts = latents.view(-1, groups, width).transpose(0, 1)
    return torch.cdist(parts, book.codes).argmin(2).T


def codes_at(book: Any, index: torch.Tensor) -> torch.Tensor:
    """The latents that indices (row, group) stand for, (row, number)."""
    parts = [book.codes[group][index[:, group]] for group in range(index.shape[1])]
    import torch

    return torch.cat(parts, dim=1)


def quantise(
    book: Any, latents: torch.Tensor, config: CodebookConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes in place of latents, gradients straight through, and the loss that pulls them there.

    A module in training mode also moves its codes. Of several processes that train, all move them
    by the latents of all; where codes start again is drawn by the first, whose buffers the others
    take before every step.
    """
    if book.training and bool(book.is_new):
        _begin(book, latents.detach())
    index = nearest_codes(book, latents.detach())
    if book.training:
        _follow(book, latents.detach(), index, config)
    chosen = codes_at(book, index)
    # The last term of van den Oord's equation 3; codes themselves follow by running means.
    pull = config.commitment * (latents - chosen).pow(2).mean()
    return latents + (chosen - latents).detach(), pull


def _begin(book: Any, latents: torch.Tensor) -> None:
    import torch

    groups, num_codes, width = book.codes.shape
    parts = latents.view(-1, groups, width).transpose(0, 1)
    chosen = torch.randint(len(latents), (num_codes,), device=latents.device)
    book.codes.copy_(parts[:, chosen])
    even = len(latents) / num_codes
    book.counts.fill_(even)
    book.sums.copy_(even * book.codes)
    book.is_new.fill_(False)


def _follow(book: Any, latents: torch.Tensor, index: torch.Tensor, config: CodebookConfig) -> None:
    import torch

    groups, num_codes, width = book.codes.shape
    parts = latents.view(-1, groups, width).transpose(0, 1)
    # Equations 6 to 8 of appendix A.1: counts, sums, and codes as their quotient.
    used = torch.nn.functional.one_hot(index.T, num_codes).to(latents.dtype)
    counts, sums = sum_in_all(used.sum(1)), sum_in_all(used.transpose(1, 2) @ parts)
    book.counts.mul_(config.decay).add_(counts, alpha=1 - config.decay)
    book.sums.mul_(config.decay).add_(sums, alpha=1 - config.decay)
    # A code that starts again counts as if it had had its even share so far.
    num_rows = torch.tensor(float(len(latents)), device=latents.device)
    even = float(sum_in_all(num_rows)) / num_codes
    dead = book.counts < config.restart_below * even
    fresh = parts[:, torch.randint(len(latents), (num_codes,), device=latents.device)]
    book.sums.copy_(torch.where(dead[..., None], even * fresh, book.sums))
    book.counts.copy_(torch.where(dead, torch.full_like(book.counts, even), book.counts))
    book.codes.copy_(book.sums / book.counts.clamp(min=1e-6)[..., None])
