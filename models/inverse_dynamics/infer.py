"""From what is seen to labels: the one way by which datasets and videos are labeled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.inverse_dynamics.labeler import Guess, Labeler, Labels
from rotoscope.models.inverse_dynamics.rows import frames_before, with_columns
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.windows import sample_windows, windows_of


def infer_episode(
    labeler: Labeler, episode: UnlabelledEpisode
) -> tuple[Labels, Bool[np.ndarray, " row"]]:
    """Labels of the rows of an episode whose window is known, and which these are.

    Raises:
        UsageError: The labeler's encoder changed since training, or is gone.
    """
    facts = labeler.facts
    config, rate_hz = facts.config, facts.contract.rate_hz
    embeddings = None
    if episode.images is not None and config.learns_images:
        before = episode.images[frames_before(episode.time_s, config, rate_hz=rate_hz)]
        members = labeler.embed(episode.images, before)
        embeddings = np.moveaxis(members, 0, 1).reshape(len(before), -1)
    seen = with_columns(episode, config, labeler.encoder, rate_hz=rate_hz)
    guess, known = infer(labeler, seen.time_s, seen.features, seen.time_s, embeddings)
    return labeler.labels(guess), known


def infer(
    labeler: Labeler,
    time_s: Float[np.ndarray, " frame"],
    features: Float[np.ndarray, "frame feature"],
    at_s: Float[np.ndarray, " moment"],
    embeddings: Float[np.ndarray, "frame number"] | None = None,
) -> tuple[Guess, Bool[np.ndarray, " moment"]]:
    """What a labeler guesses at the moments whose window is known, and which these are.

    Args:
        labeler: Trained.
        time_s: Time of each frame [s].
        features: What is known of each, columns that an encoder gave included; NaN where unknown.
        at_s: Moments to label [s]; they need not fall on frames.
        embeddings: What the members' own image networks say about each frame, one member after the
            other; `None` where they have none.
    """
    config, rate_hz = labeler.facts.config, labeler.facts.contract.rate_hz
    seen = windows_of(time_s, features, at_s, config.window, rate_hz=rate_hz)
    members = None
    if embeddings is not None:
        numbers, at_s = embeddings.astype(np.float32), at_s[seen.known]
        offsets_s, at_ends = config.window.offsets_s(rate_hz), config.window.at_ends
        found, _ = sample_windows(time_s, numbers, at_s, offsets_s, at_ends=at_ends)
        members = found.reshape(*found.shape[:2], config.members, -1).transpose(2, 0, 1, 3)
    return labeler.guess(seen.inputs, members), seen.known
