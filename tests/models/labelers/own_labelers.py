"""Labelers as a user writes them: a good one of ten lines, and one for each thing that is wrong."""

import itertools

import numpy as np

import rotoscope as rt


class Line(rt.Labeler):
    """A line from what is seen, and how it changes, to what was done."""

    def fit(self, data):
        seen, done = data.pairs(self.seen)
        self.arrays["line"] = np.linalg.lstsq(seen, done)[0]

    def label(self, episode):
        return rt.Labels(self.seen(episode) @ self.arrays["line"])

    def seen(self, episode):
        x = episode.features
        return np.column_stack([x, np.gradient(x, axis=0), np.ones(len(x))])


class Silent(Line):
    __doc__ = None


class Undocumented(Line):
    """A line."""

    class Config(rt.LabelerConfig):
        gain: float = 1.0


class Alone(Line):
    """It wants more than an episode."""

    def label(self, episode, actions):
        return rt.Labels(actions)


class OneShort(Line):
    """It forgets the last row."""

    def label(self, episode):
        return rt.Labels(super().label(episode).values[:-1])


class NoLabels(Line):
    """It gives bare numbers."""

    def label(self, episode):
        return super().label(episode).values


class TooSure(Line):
    """Its confidence is a percentage."""

    def label(self, episode):
        values = super().label(episode).values
        return rt.Labels(values, confidence=np.full(len(values), 90.0))


class UpsideDown(Line):
    """Its intervals are the wrong way round."""

    def label(self, episode):
        values = super().label(episode).values
        return rt.Labels(values, half_width=np.full(values.shape, -0.1))


class Random(Line):
    """Another fit every time."""

    def fit(self, data):
        super().fit(data)
        self.arrays["line"] = self.arrays["line"] + np.random.default_rng().normal()


class Remembers(Line):
    """What it says hangs on what it said before."""

    count = itertools.count()

    def label(self, episode):
        return rt.Labels(super().label(episode).values + next(self.count))


class Invents(Line):
    """Zeros where nothing is seen."""

    def label(self, episode):
        return rt.Labels(np.nan_to_num(super().label(episode).values))


class Forgets(Line):
    """What it learned is not in its arrays."""

    def fit(self, data):
        super().fit(data)
        self.offset = data.episodes[0].actions.mean()

    def label(self, episode):
        return rt.Labels(super().label(episode).values + getattr(self, "offset", 0.0))


class Changes(Line):
    """It writes into what it is given."""

    def label(self, episode):
        episode.features[:] += 1e-3
        return super().label(episode)


class Fails(Line):
    """It divides by a number that is not there."""

    def label(self, episode):
        return self.nothing


class KeepsGapsIn(Line):
    """It fits to NaN."""

    def fit(self, data):
        seen = np.concatenate([self.seen(e) for e in data.episodes])
        self.arrays["line"] = np.repeat(seen.mean(axis=0)[:, None], 2, axis=1)


class BadTexts(Line):
    """Its arrays hold texts."""

    def fit(self, data):
        super().fit(data)
        self.arrays["names"] = np.array(["x", "y"])


class Stage(rt.ClipStage):
    """A stage is no labeler."""

    kind, version = "stage", "1"

    def run(self, clip, tracks):
        return {}
