"""Labeled episodes whose truth is known: the action is the acceleration of a point."""

from dataclasses import replace

import numpy as np

from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension

RATE_HZ = 20.0


def contract(num_axes=2, rate_hz=RATE_HZ):
    return ActionContract(
        robot="point",
        dimensions=tuple(
            Dimension(name=f"a{i}", quantity="position", unit="m/s2") for i in range(num_axes)
        ),
        mode="delta",
        rate_hz=rate_hz,
        shift_s=0,
    )


def episode(seed, *, rows=120, noise_m=0.0, shift=0, still=False):
    """Position after each row's acceleration has acted; labels may be shifted by rows."""
    generator = np.random.default_rng(seed)
    kernel = np.hanning(9) / np.hanning(9).sum()
    white = generator.normal(size=(rows + 20, 2))
    actions = np.stack([np.convolve(white[:, i], kernel, "same") for i in (0, 1)], 1)[10:-10]
    velocity = np.cumsum(actions, axis=0) / RATE_HZ
    position = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity, axis=0)[:-1] / RATE_HZ])
    # A tracker that says how sharp it sees: doubt must follow.
    log_blur = generator.choice([-1.0, 1.0], size=rows // 20, p=[0.8, 0.2]).repeat(20)[:, None]
    seen = position + noise_m * np.exp(log_blur) * generator.normal(size=position.shape)
    seen = np.concatenate([seen, log_blur], axis=1)
    if still:
        actions = np.concatenate([actions, np.full((rows, 1), 3.0)], axis=1)
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(rows) / RATE_HZ,
        features=seen,
        actions=np.roll(actions, shift, axis=0),
        valid=np.ones(rows, bool),
    )


def dataset(num, *, first=0, still=False, **options):
    return LabeledSet(
        episodes=tuple(episode(first + i, still=still, **options) for i in range(num)),
        contract=contract(3 if still else 2),
        inputs=("track.point",),
        input_sizes=(3,),
    )


def mixed(num):
    """Beside the first acceleration a choice: whether the second one is positive."""
    episodes = []
    for made in dataset(num).episodes:
        choice = (made.actions[:, 1:] > 0).astype(float)
        actions = np.concatenate([made.actions[:, :1], choice], axis=1)
        episodes.append(replace(made, actions=actions))
    choice = Dimension(name="choice", quantity="discrete", unit="1", lower=0, upper=1)
    agreed = contract()
    agreed = agreed.model_copy(update={"dimensions": (agreed.dimensions[0], choice)})
    return LabeledSet(tuple(episodes), agreed, ("track.point",), (3,))
