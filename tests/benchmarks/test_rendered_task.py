"""Rendered episodes show the recorded states, from the same seed the same pictures."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("metaworld", reason="the extra `bench` is not installed")

from benchmarks.labelers.tasks import rendered
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from benchmarks.labelers.tasks.rendered_scene import CAMERAS, SIZE, Distractors, Studio


@pytest.fixture(scope="module")
def push() -> MetaWorldSimulator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MetaWorldSimulator("push-v3")


@pytest.fixture(scope="module")
def shown(push: MetaWorldSimulator) -> rendered.Demonstration:
    return push.episode(push.expert, seed=5, num_steps=12).demonstration


@pytest.fixture(scope="module")
def shots(push: MetaWorldSimulator, shown: rendered.Demonstration) -> dict[str, np.ndarray]:
    """Pictures of the first camera: plain twice, with distractors at two steps."""
    studio = Studio(push.model)
    others = Distractors.of(3)
    try:
        data = next(push.again(shown))
        made = {
            "plain": studio.shoot(data),
            "busy": studio.shoot(data, others, step=0),
            "later": studio.shoot(data, others, step=30),
            "plain again": studio.shoot(data),
        }
    finally:
        studio.close()
    return {name: pictures["left"] for name, pictures in made.items()}


def test_the_same_state_gives_the_same_picture(shots: dict[str, np.ndarray]) -> None:
    assert shots["plain"].shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(shots["plain"], shots["plain again"])


def test_distractors_move_while_the_robot_stands_still(shots: dict[str, np.ndarray]) -> None:
    for one, other in (("plain", "busy"), ("busy", "later")):
        change = np.abs(shots[one].astype(int) - shots[other]).max(axis=-1)
        assert (change > 20).mean() > 0.05


def test_distractors_depend_on_their_seed_alone() -> None:
    one, again, other = Distractors.of(1), Distractors.of(1), Distractors.of(2)
    np.testing.assert_array_equal(one.places_m(7), again.places_m(7))
    assert np.abs(one.places_m(7) - other.places_m(7)).max() > 0.05


def test_an_episode_that_goes_otherwise_is_noticed(
    push: MetaWorldSimulator, shown: rendered.Demonstration
) -> None:
    observations = shown.observations.copy()
    observations[3, 0] += 0.01
    with pytest.raises(RuntimeError, match="step 3 of the episode leads to another state"):
        list(push.again(replace(shown, observations=observations)))


def test_footage_has_a_picture_for_every_observation(
    push: MetaWorldSimulator,
    shown: rendered.Demonstration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendered, "labeled", lambda *_: [shown])
    shot = rendered.footage(push, "K1", tmp_path)
    for camera in CAMERAS:
        assert shot.pixels[camera][0].shape == (len(shown.observations), 64, 64, 3)
        assert shot.files[camera][0].is_file()
