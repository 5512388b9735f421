"""A hand that goes to a thing and carries it: episodes whose progress is known."""

import numpy as np

NAMES = ("hand.x", "hand.y", "thing.x", "thing.y")


def carried(rows=60, *, far=1.0, seed=None, noise=0.01):
    """Reaches for half of the time, carries in the other half; shape (row, 4)."""
    share = np.linspace(0, 1, rows)
    reach, carry = np.clip(2 * share, 0, 1), np.clip(2 * share - 1, 0, 1)
    hand = np.c_[reach * far + carry * far, np.sin(np.pi * carry) * far]
    thing = np.c_[far + carry * far, np.sin(np.pi * carry) * far]
    out = np.c_[hand, thing]
    return out if seed is None else out + noise * np.random.default_rng(seed).normal(size=out.shape)


def empty_handed(rows=60):
    """The hand makes the same way, the thing stays where it is."""
    out = carried(rows)
    out[:, 2:] = out[0, 2:]
    return out
