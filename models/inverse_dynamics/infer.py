"""From what is seen to labels: the one way by which datasets and videos are labeled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.inverse_dynamics.error_model import shared_features
from rotoscope.models.inverse_dynamics.guess import Guess
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.rows import frames_before, looked_at, with_columns
from rotoscope.models.labelers.familiarity import smoothed
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.maps import Joined
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
    embeddings, glances = None, None
    if episode.images is not None:
        glances = labeler.familiarity.glance(episode.images)
        if config.learns_images:
            before = frames_before(episode.time_s, config, rate_hz=rate_hz)
            members = looked_at(labeler.embed, Joined((episode.images,)), before, axis=1)
            embeddings = np.moveaxis(members, 0, 1).reshape(len(before), -1)
    seen = with_columns(episode, config, labeler.encoder, rate_hz=rate_hz)
    found, known = infer(labeler, seen.time_s, seen.features, seen.time_s, glances, embeddings)
    return found.labels(labeler), known


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a labeler guesses at some moments of a clip, and how strange they look."""

    at_s: Float[np.ndarray, " row"]
    """The moments [s]."""
    guess: Guess
    """Their actions."""
    strange: Float[np.ndarray, "row statistic"]
    """`Familiarity.statistics`."""

    @classmethod
    def join(cls, parts: Sequence[Inferred]) -> Inferred:
        """Moments of one clip that were asked about a few at a time."""
        return cls(
            np.concatenate([p.at_s for p in parts]),
            Guess.join([p.guess for p in parts]),
            np.concatenate([p.strange for p in parts]),
        )

    def labels(self, labeler: Labeler) -> Labels:
        """With intervals and confidence, which need all moments of the clip."""
        doubt = smoothed(shared_features(self.guess.features)[:, :1], self.at_s)[:, 0]
        by_doubt = labeler.calibration.evidence.familiarity(doubt)
        by_looks = labeler.familiarity(self.strange, self.at_s)
        return labeler.labels(self.guess, np.minimum(by_looks, by_doubt))


def infer(
    labeler: Labeler,
    time_s: Float[np.ndarray, " frame"],
    features: Float[np.ndarray, "frame feature"],
    at_s: Float[np.ndarray, " moment"],
    glances: Float[np.ndarray, "frame look"] | None = None,
    embeddings: Float[np.ndarray, "frame number"] | None = None,
) -> tuple[Inferred, Bool[np.ndarray, " moment"]]:
    """What a labeler guesses at the moments whose window is known, and which these are.

    Args:
        labeler: Trained.
        time_s: Time of each frame [s].
        features: What is known of each, columns that an encoder gave included; NaN where unknown.
        at_s: Moments to label [s]; they need not fall on frames.
        glances: What the pictures look like, `Familiarity.glance`; `None` where none are seen.
        embeddings: What the members' own image networks say about each frame, one member after the
            other; `None` where they have none.
    """
    config, rate_hz = labeler.facts.config, labeler.facts.contract.rate_hz
    seen = windows_of(time_s, features, at_s, config.window, rate_hz=rate_hz)
    members, at_s = None, at_s[seen.known]
    if embeddings is not None:
        numbers = embeddings.astype(np.float32)
        offsets_s, at_ends = config.window.offsets_s(rate_hz), config.window.at_ends
        found, _ = sample_windows(time_s, numbers, at_s, offsets_s, at_ends=at_ends)
        members = found.reshape(*found.shape[:2], config.members, -1).transpose(2, 0, 1, 3)
    own = features[:, : sum(labeler.facts.input_sizes)]
    strange = labeler.familiarity.statistics(time_s, own, glances, at_s)
    return Inferred(at_s, labeler.guess(seen.inputs, members), strange), seen.known
