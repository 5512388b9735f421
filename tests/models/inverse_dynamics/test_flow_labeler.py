"""Labelers that see motion alone: the same whatever things look like, read back, on any clock."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from rotoscope.models.encoders.flow import CELLS, cell_flow
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.kernel_search import choose_kernel
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.familiarity import Familiarity
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension

RATE_HZ, CAMERA = 20.0, "observation.images.front"
SIDE = 32


def pushed_patch(seed, rows=80):
    """A grainy patch goes to and fro before a grainy wall; the action is how far it goes."""
    generator = np.random.default_rng(seed)
    white = generator.normal(size=rows + 20)
    action = 3 * np.convolve(white, np.hanning(11) / np.hanning(11).sum(), "same")[10:-10]
    place = 12 + 6 * np.sin(np.concatenate([[0], np.cumsum(action)[:-1]]) / 6)
    grain = np.random.default_rng(1).integers(40, 215, (14, 60, 3)).astype(float)
    grain = (
        grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1) + np.roll(grain, (1, 1), (0, 1))
    ) / 4
    images = np.full((rows, SIDE, SIDE, 3), 90, np.uint8)
    columns = np.arange(8)
    for row, left in enumerate(place):
        at = left + columns
        for channel in range(3):
            for line in range(14):
                # The grain goes with the patch: between pixels it is interpolated.
                strip = np.interp(
                    np.arange(SIDE), at, grain[line, :8, channel], left=np.nan, right=np.nan
                )
                seen = np.isfinite(strip)
                images[row, 8 + line, seen, channel] = strip[seen]
    return LabeledEpisode(
        name=f"episode {seed}", time_s=np.arange(rows) / RATE_HZ, features=np.zeros((rows, 0)),
        actions=np.append(np.diff(place), 0.0)[:, None], valid=np.arange(rows) < rows - 1,
        images=images,
    )  # fmt: skip


def dataset(seeds):
    dimension = Dimension(name="x", quantity="position", unit="px")
    contract = ActionContract(
        robot="patch", dimensions=(dimension,), mode="delta", rate_hz=RATE_HZ, shift_s=0
    )
    episodes = tuple(pushed_patch(s) for s in seeds)
    return LabeledSet(episodes, contract, (), (), CAMERA, (SIDE, SIDE))


def settings(**told):
    return InverseDynamicsConfig.model_validate({"camera": CAMERA, "encoder": "flow"} | told)


def r2(labeler, episodes):
    said, truth = [], []
    for episode in episodes:
        labels, known = infer_episode(labeler, episode)
        used = episode.valid[known]
        said.append(labels.values[used])
        truth.append(episode.actions[known][used])
    error, true = np.concatenate(said) - np.concatenate(truth), np.concatenate(truth)
    return 1 - float((error**2).sum() / ((true - true.mean()) ** 2).sum())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow") / "labeler"
    return train_inverse_dynamics(dataset(range(6)), settings(kind="kernel"), folder), folder


def other_lamp(images):
    """Darker, and of another color."""
    return (images * np.array([0.75, 0.55, 0.65])).astype(np.uint8)


def turned_colors(images):
    return images[..., ::-1].copy()


@pytest.mark.parametrize("look", [None, other_lamp, turned_colors], ids=["as_is", "lamp", "colors"])
def test_motion_is_read_whatever_things_look_like(trained, look):
    labeler, _ = trained
    episodes = dataset(range(100, 103)).episodes
    if look is not None:
        episodes = tuple(replace(e, images=look(e.images)) for e in episodes)
    assert r2(labeler, episodes) > 0.8


def panned(images):
    """The camera turns: everything goes by, and comes back on the other side."""
    return np.stack([np.roll(image, 2 * row, axis=1) for row, image in enumerate(images)])


def passed_by(images):
    """Something large goes through the picture again and again."""
    out, grain = images.copy(), np.random.default_rng(3).integers(0, 255, (SIDE, 9, 3))
    for row in range(len(out)):
        left = 3 * row % SIDE
        shown = out[row, :, left : left + 9]
        shown[:] = grain[:, : shown.shape[1]]
    return out


class TakenForFamiliar(Familiarity):
    """Looks tell nothing: what is left is how much the model itself doubts."""

    def __call__(self, statistics, at_s):
        return np.ones(len(at_s))


@pytest.mark.parametrize("change", [panned, passed_by])
def test_motion_that_no_episode_had_is_strange_by_the_models_own_doubt(trained, change):
    labeler, _ = trained
    labeler = replace(labeler, familiarity=TakenForFamiliar(**vars(labeler.familiarity)))
    for episode in dataset(range(110, 113)).episodes:
        known, _ = infer_episode(labeler, episode)
        strange, _ = infer_episode(labeler, replace(episode, images=change(episode.images)))
        assert (known.familiarity >= 0.5).mean() > 0.95
        assert (strange.familiarity < 0.5).mean() > 0.9
        assert strange.confidence.mean() < 0.2 * known.confidence.mean()


def test_it_is_read_from_its_folder(trained):
    labeler, folder = trained
    episode = dataset([50]).episodes[0]
    found, _ = infer_episode(labeler, episode)
    again, _ = infer_episode(load_labeler(folder), episode)
    np.testing.assert_array_equal(found.values, again.values)


def test_twice_the_frames_say_the_same(trained):
    """Motion is summed up: a video of a higher rate, each frame shown twice, goes the same way."""
    labeler, _ = trained
    episode = dataset([60]).episodes[0]
    time_s = np.arange(2 * len(episode.time_s)) / (2 * RATE_HZ)
    doubled = LabeledEpisode(
        name="doubled", time_s=time_s, features=np.zeros((len(time_s), 0)),
        actions=np.repeat(episode.actions, 2, 0), valid=np.repeat(episode.valid, 2),
        images=np.repeat(episode.images, 2, 0),
    )  # fmt: skip
    once, _ = infer_episode(labeler, episode)
    twice, _ = infer_episode(labeler, doubled)
    off = twice.values[::2][3:-3] - once.values[3:-3]
    assert np.abs(off).mean() < 0.25 * once.values.std()


def test_ways_are_read_from_motion_where_looks_change_and_places_from_pictures():
    alike = dataset(range(6))
    lamps = np.random.default_rng(5).uniform(0.35, 1.0, (6, 3))
    ways = replace(
        alike,
        episodes=tuple(
            replace(e, images=(e.images * lamp).astype(np.uint8))
            for e, lamp in zip(alike.episodes, lamps, strict=True)
        ),
    )
    places = replace(
        alike,
        contract=alike.contract.model_copy(update={"mode": "absolute"}),
        episodes=tuple(
            # All begin at the same place, and what follows adds up.
            replace(e, actions=np.cumsum(np.roll(e.actions, 1, axis=0), axis=0))
            for e in alike.episodes
        ),
    )
    left_open = InverseDynamicsConfig.model_validate({"camera": CAMERA, "kind": "kernel"})
    found = [
        choose_kernel(data, left_open, ActionSpace.of(data.contract)).encoder
        for data in (ways, places)
    ]
    assert found == ["flow", "pca"]


def test_flow_of_a_shifted_picture_is_the_shift():
    generator = np.random.default_rng(0)
    small = generator.integers(0, 255, (8, 8, 3)).astype(np.uint8)
    picture = np.kron(small, np.ones((8, 8, 1), np.uint8))
    flow = cell_flow(np.roll(picture, 2, axis=1)[None], picture[None]).reshape(CELLS, CELLS, 2)
    inner = flow[3:-3, 3:-3]
    assert np.median(inner[..., 0]) == pytest.approx(2 / 64, rel=0.2)
    assert np.abs(np.median(inner[..., 1])) < 0.2 / 64


def test_windows_of_motion_have_no_level():
    assert not settings().window.has_levels
    assert not settings(window={"before_s": 0.2}).window.has_levels
    with pytest.raises(ValidationError, match="how far things went, not where they are"):
        settings(window={"has_levels": True})
    with pytest.raises(ValidationError, match="motion between neighbors: leave it out"):
        settings(motion_s=0.2)
