"""Whether latents are worth anything: how many codes or directions they use, and what to do.

Collapse is what users of latent action models meet first: a codebook of which two codes are used,
numbers that never change, a forward model that does not listen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.latent_actions.config import LatentActionConfig

_FEW_DIRECTIONS = 1.5
"""Below this advice is given; a robot with one joint needs no more than one."""
_MIN_PERPLEXITY, _MIN_USE = 1.5, 0.02


def latent_report(
    latents: Float[np.ndarray, "row latent"],
    codes: Int[np.ndarray, "row group"] | None,
    *,
    error: float,
    error_with_others: float,
    config: LatentActionConfig,
) -> dict[str, Any]:
    """JSON facts about latents of held-out transitions.

    `effective_rank` is the exponential of the entropy of the covariance's eigenvalues (Roy and
    Vetterli 2007), `perplexity` that of the use of a group's codes. `latent_use` is the share of
    the forward model's error that comes back when every transition is given the latent of another.

    Args:
        latents: As the model gives them.
        codes: Which codes those are; `None` without a codebook.
        error: Of the forward model.
        error_with_others: The same, with latents dealt out anew.
        config: Settings, for the advice.
    """
    variance = latents.var(axis=0)
    out: dict[str, Any] = {
        "forward_error": round(error, 6),
        "latent_use": round(1 - error / max(error_with_others, 1e-12), 4),
        "effective_rank": round(effective_rank(latents), 2),
        "variance": [round(float(v), 8) for v in variance],
        "dead_dimensions": int((variance < 1e-4 * max(float(variance.max()), 1e-12)).sum()),
    }
    if codes is not None:
        found = [perplexity(codes[:, g], config.codebook.num_codes) for g in range(codes.shape[1])]
        used = [len(np.unique(codes[:, g])) for g in range(codes.shape[1])]
        out["perplexity"] = [round(p, 2) for p in found]
        out["dead_codes"] = [config.codebook.num_codes - u for u in used]
    out["collapsed"] = _is_collapsed(out)
    out["advice"] = _advice(out, config)
    return out


def effective_rank(latents: Float[np.ndarray, "row latent"]) -> float:
    """Number of directions that latents really use; 0 where they never change."""
    eigenvalues = np.linalg.svd(latents - latents.mean(0), compute_uv=False) ** 2
    if eigenvalues.sum() < 1e-10 * len(latents):
        return 0.0
    share = eigenvalues / eigenvalues.sum()
    return float(np.exp(-(share * np.log(np.maximum(share, 1e-30))).sum()))


def perplexity(codes: Int[np.ndarray, " row"], num_codes: int) -> float:
    """Number of codes that are really used: between 1 and `num_codes`."""
    share = np.bincount(codes, minlength=num_codes) / len(codes)
    return float(np.exp(-(share * np.log(np.maximum(share, 1e-30))).sum()))


def _is_collapsed(facts: dict[str, Any]) -> bool:
    """Whether all transitions have the same latent.

    Latents that the forward model does not need may still tell transitions apart: that is worth
    advice, not refusal.
    """
    is_single = "perplexity" in facts and max(facts["perplexity"]) < _MIN_PERPLEXITY
    return bool(is_single or facts["effective_rank"] == 0)


def _advice(facts: dict[str, Any], config: LatentActionConfig) -> list[str]:
    out = []
    if "perplexity" in facts:
        book = config.codebook
        mean = float(np.mean(facts["perplexity"]))
        if mean < 0.25 * book.num_codes:
            out.append(
                f"Codes are used as if there were {mean:.1f} of {book.num_codes} in a group: lower "
                "codebook.num_codes, raise codebook.restart_below or codebook.commitment, or use "
                "latent=continuous."
            )
    if facts["effective_rank"] < _FEW_DIRECTIONS:
        out.append(
            f"Latents vary along {facts['effective_rank']:.1f} directions only: span more time "
            "(gap_s), train longer (loop.num_steps), or name tracks.targets."
        )
    elif facts["dead_dimensions"] > 0.5 * config.latent_size:
        out.append(
            f"{facts['dead_dimensions']} of {config.latent_size} numbers of a latent "
            "hardly change: a smaller latent_size would do."
        )
    if facts["latent_use"] < _MIN_USE:
        out.append(
            "The forward model does as well with the latents of other transitions: too little "
            "moves between two frames (raise gap_s), or what moves is not what acts (name "
            "tracks.targets, or tracks.points with objective=lapo)."
        )
    return out
