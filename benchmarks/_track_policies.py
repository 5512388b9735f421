"""Robots in Meta-World that follow motion tracks: experts, views, and networks on the state.

A `Follower` that learned from a few of the robot's own episodes turns tracks into its actions:
those of one recording, to do the same again, and those of people's video, for a policy to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.motion_tracks.follow import Follower, inputs_of, learn_follower
from rotoscope.models.motion_tracks.points import gripper_points
from rotoscope.models.motion_tracks.recover import FutureTracks, recover_actions
from rotoscope.models.perception.multi_view import View
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.pipeline.geometry import se3

WIDTH, HEIGHT = 640, 480
CAMERAS = ("corner2", "topview")
STRIDE, STEPS = 4, 5
"""Rows of 1/80 s from step to step of a track, and steps."""
OPEN_M = 0.10
"""Distance of the fingers at an opening of 1."""
DOWN = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""The gripper points down: x along -z, y, from finger to finger, along the world's x."""
GAIN = 10.0
"""Action for each meter that the hand is off a recording that it repeats."""
CHOSEN_ON = ("push-v3", "handle-pull-v3", "sweep-v3", "drawer-open-v3")
PALM_M = 0.089
VERSIONS = 2
"""Copies of the robot's episodes with people's noise that the follower sees besides."""
CONSTANT, JITTER = 0.09, 0.04
"""Landmark errors of people as shares of the palm: constant in an episode, and from row to row."""


@dataclass(frozen=True, eq=False)
class Episode:
    """What one expert episode was."""

    state: Float[np.ndarray, "row 10"]
    action: Float[np.ndarray, "row 4"]
    T_world_ee: Float[np.ndarray, "row 4 4"]
    aperture_m: Float[np.ndarray, " row"]
    is_closing: Bool[np.ndarray, " row"]


def later_rows(num: int) -> np.ndarray:
    return np.arange(num)[:, None] + STRIDE * np.arange(1, STEPS + 1)


def views_of(task: str) -> list[View]:
    """Two of the simulator's cameras, as it places them."""
    simulator = open_simulator(f"metaworld:{task}")
    simulator.reset(0)
    environment = simulator._environment  # type: ignore[attr-defined]
    out = []
    for name in CAMERAS:
        camera = environment.model.cam(name)
        position = environment.data.cam(name).xpos.copy()
        # MuJoCo's camera looks along its -z, y up.
        R_world = environment.data.cam(name).xmat.reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        focal = HEIGHT / 2 / np.tan(np.radians(float(camera.fovy[0])) / 2)
        K = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1.0]])
        out.append(View(K, se3.inverse(se3.make(R_world, position))))
    simulator.close()
    return out


def expert(task: str, seed: int) -> Episode:
    """One episode of the scripted expert, to shortly after success."""
    simulator = open_simulator(f"metaworld:{task}")
    observation, states, actions, left = simulator.reset(seed), [], [], 300
    while left > 0:
        action = simulator.expert()
        states.append(observation[STATE].astype(float))
        actions.append(np.asarray(action, float))
        step = simulator.step(action)
        observation, left = step.observation, min(left - 1, 20 if step.is_success else left)
    simulator.close()
    state, action = np.stack(states), np.stack(actions)
    R = np.tile(DOWN, (len(state), 1, 1))
    return Episode(state, action, se3.make(R, state[:, :3]), OPEN_M * state[:, 3], action[:, 3] > 0)


def replayed(
    task: str,
    seed: int,
    actions: Float[np.ndarray, "row 4"],
    hand_m: Float[np.ndarray, "row 3"],
) -> bool:
    """Whether the robot solves the task when it does what the tracks of a recording say.

    Args:
        task: Which.
        seed: Of its start.
        actions: What the follower makes of each row.
        hand_m: Where the hand was at each row: the robot goes back there as it strays.
    """
    simulator = open_simulator(f"metaworld:{task}")
    observation, is_solved = simulator.reset(seed), False
    for action, there_m in zip(actions, hand_m, strict=True):
        back = np.append(GAIN * (there_m - observation[STATE].astype(float)[:3]), 0.0)
        step = simulator.step(np.clip(action + back, -1, 1))
        observation, is_solved = step.observation, is_solved or step.is_success
    simulator.close()
    return is_solved


def track_rows(
    episode: Episode, views: Sequence[View], rng: np.random.Generator, *, is_person: bool
) -> tuple[np.ndarray, np.ndarray]:
    """States, and tracks relative to where the points are now, with the closing of each step."""
    later = np.minimum(later_rows(len(episode.state)), len(episode.state) - 1)
    points_m = gripper_points(episode.T_world_ee, episode.aperture_m)
    columns = []
    for view in views:
        px = view.project(points_m)
        noise = rng.normal(0, 1.0, px.shape)
        if is_person:
            depth_m = points_m @ view.T_camera_world[2, :3] + view.T_camera_world[2, 3]
            palm_px = (view.K[0, 0] * PALM_M / depth_m)[..., None]
            constant = rng.normal(0, CONSTANT, (1, *px.shape[1:]))
            noise = palm_px * (constant + rng.normal(0, JITTER, px.shape)) / np.sqrt(2)
        px = (px + noise) / np.array([WIDTH, HEIGHT])
        columns.append((px[later] - px[:, None]).reshape(len(px), -1))
    closing = episode.is_closing[np.minimum(later, len(later) - 1)].astype(float)
    # The gripper's command of the row itself counts, too: it is known a row earlier.
    closing[:, 0] = episode.is_closing
    return episode.state, np.concatenate([*columns, 0.1 * closing], axis=1)


def followed_inputs(
    state: Float[np.ndarray, "row number"],
    tracks: Float[np.ndarray, "row number"],
    views: Sequence[View],
) -> Float[np.ndarray, "row input"]:
    """What a follower is told of relative tracks of two views."""
    T = se3.make(np.tile(DOWN, (len(state), 1, 1)), state[:, :3])
    aperture_m, size = OPEN_M * state[:, 3], STEPS * 10
    now_m = gripper_points(T, aperture_m)
    seen = []
    for number, view in enumerate(views):
        change = tracks[:, number * size : (number + 1) * size].reshape(-1, STEPS, 5, 2)
        px = view.project(now_m)[:, None] + change * np.array([WIDTH, HEIGHT])
        seen.append(FutureTracks(px, None))
    found = recover_actions(views, seen, T_world_ee=T, aperture_m=aperture_m)
    closing = 10 * tracks[:, 2 * size :]
    return inputs_of(found, closing, T_world_ee=T, aperture_m=aperture_m)


def follower_of(
    robot: Sequence[Episode], views: Sequence[View], rng: np.random.Generator
) -> Follower:
    """Learned from the robot's own episodes, once as they are and again as noisy as people's."""
    inputs, actions = [], []
    for version in range(VERSIONS + 1):
        for one in robot:
            inputs.append(
                followed_inputs(*track_rows(one, views, rng, is_person=version > 0), views)
            )
            actions.append(np.clip(one.action, -1, 1))
    return learn_follower(inputs, actions)


def acting(
    network: Callable[[np.ndarray], np.ndarray], follow: Follower, views: Sequence[View]
) -> Callable[[np.ndarray], np.ndarray]:
    """Does what the tracks say that a network predicts."""

    def act(state: np.ndarray) -> np.ndarray:
        told = followed_inputs(state[None], network(state)[None], views)
        return np.nan_to_num(follow(told)[0])

    return act


def fit(x: np.ndarray, y: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """A small network from states to numbers."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    middle, spread, scale = x.mean(0), x.std(0) + 1e-4, y.std(0) + 1e-6
    a = torch.tensor((x - middle) / spread, dtype=torch.float32)
    b = torch.tensor((y - y.mean(0)) / scale, dtype=torch.float32)
    layers: list[torch.nn.Module] = [torch.nn.Linear(a.shape[1], 256), torch.nn.GELU()]
    layers += [torch.nn.Linear(256, 256), torch.nn.GELU(), torch.nn.Linear(256, b.shape[1])]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4000)
    for _ in range(4000):
        rows = torch.randint(len(a), (256,))
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(a[rows]), b[rows]).backward()
        optimizer.step()
        schedule.step()

    def predict(state: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            seen = torch.tensor((state - middle) / spread, dtype=torch.float32)
            return network(seen).numpy().astype(float) * scale + y.mean(0)

    return predict


def score(task: str, act: Callable[[np.ndarray], np.ndarray], num_starts: int) -> int:
    simulator = open_simulator(f"metaworld:{task}")
    solved = 0
    for seed in range(num_starts):
        observation = simulator.reset(5000 + seed)
        for _ in range(300):
            step = simulator.step(act(observation[STATE].astype(float)))
            observation = step.observation
            if step.is_success:
                solved += 1
                break
    simulator.close()
    return solved
