"""Robots in Meta-World that follow motion tracks: experts, views, and networks on the state.

Two followers go where tracks lead. `fixed` moves by a gain times the way to the second step. The
other is learned: a network from the state, the way of all steps in space and the closing of the
fingers to the robot's action, fitted to the few robot episodes, whose actions are known. A track
says where a hand goes; how hard it must push there, the robot's own episodes say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

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
GAIN, AHEAD = 25.0, 1
"""Action for each meter to where the second step, 8 rows from now, lies. Chosen on `CHOSEN_ON`,
four starts each, from gains of 25 to 200 and 4 to 12 rows: several solved 16 of 16."""
CHOSEN_ON = ("push-v3", "drawer-open-v3", "door-open-v3", "pick-place-v3")
LEARNED_ON = ("handle-pull-v3", "sweep-v3")
"""Tasks on which the learned follower was taken, 25 starts of one seed."""
PALM_M = 0.089
VERSIONS = 4
"""Copies of the robot's episodes with people's noise that the learned follower sees besides."""
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
    target_m: Float[np.ndarray, "row step 3"],
    is_closing: Bool[np.ndarray, " row"],
    follower: Callable[[np.ndarray], np.ndarray] | None = None,
) -> bool:
    """Whether the robot solves the task when it goes where the tracks said.

    Args:
        task: Which.
        seed: Of its start.
        target_m: Where the tracks put the gripper at each step.
        is_closing: Whether the fingers close at each row.
        follower: A learned one; `None` for the fixed gain.
    """
    simulator = open_simulator(f"metaworld:{task}")
    observation, is_solved = simulator.reset(seed), False
    closing = is_closing[np.minimum(later_rows(len(is_closing)), len(is_closing) - 1)].astype(float)
    closing[:, 0] = is_closing
    # What follows is slower than who led; it has as long again at the last place.
    for moment in range(min(2 * len(target_m), simulator.facts.horizon)):
        row = min(moment, len(target_m) - 1)
        state = observation[STATE].astype(float)
        way_m = target_m[row] - state[:3]
        if follower is None:
            action = np.append(GAIN * way_m[AHEAD], 1.0 if is_closing[row] else -1.0)
        else:
            action = follower(_told(state[None], way_m[None], closing[row][None])[0])
        step = simulator.step(np.clip(action, -1, 1))
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


def _told(
    state: Float[np.ndarray, "row number"],
    way_m: Float[np.ndarray, "row step 3"],
    closing: Float[np.ndarray, "row step"],
) -> Float[np.ndarray, "row number"]:
    """What a learned follower is told: the state, the way to every step, and the fingers."""
    return np.concatenate([state, way_m.reshape(len(way_m), -1), closing], axis=1)


def ways_of(
    state: Float[np.ndarray, "row number"],
    tracks: Float[np.ndarray, "row number"],
    views: Sequence[View],
) -> Float[np.ndarray, "row step 3"]:
    """The way to each step [m] that relative tracks of two views mean; 0 where they mean none."""
    T = se3.make(np.tile(DOWN, (len(state), 1, 1)), state[:, :3])
    aperture_m, size = OPEN_M * state[:, 3], STEPS * 10
    now_m = gripper_points(T, aperture_m)
    seen = []
    for number, view in enumerate(views):
        change = tracks[:, number * size : (number + 1) * size].reshape(-1, STEPS, 5, 2)
        px = view.project(now_m)[:, None] + change * np.array([WIDTH, HEIGHT])
        seen.append(FutureTracks(px, None))
    found = recover_actions(views, seen, T_world_ee=T, aperture_m=aperture_m)
    way_m: np.ndarray = np.nan_to_num(found.T_world_ee[..., :3, 3] - state[:, None, :3])
    return way_m


def learned_follower(
    robot: Sequence[Episode], views: Sequence[View], seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """From what tracks tell to the robot's action, as its own episodes show."""
    rng = np.random.default_rng(seed)
    told, actions = [], []
    for version in range(VERSIONS + 1):
        for one in robot:
            state, tracks = track_rows(one, views, rng, is_person=version > 0)
            closing = 10 * tracks[:, 2 * STEPS * 10 :]
            told.append(_told(state, ways_of(state, tracks, views), closing))
            actions.append(one.action)
    return fit(np.concatenate(told), np.concatenate(actions), seed)


def follower(
    network: Callable[[np.ndarray], np.ndarray],
    views: Sequence[View],
    learned: Callable[[np.ndarray], np.ndarray] | None,
) -> Callable[[np.ndarray], np.ndarray]:
    """Goes where the predicted tracks lead: by what was learned, or by the fixed gain."""

    def act(state: np.ndarray) -> np.ndarray:
        predicted = network(state)
        way_m = ways_of(state[None], predicted[None], views)
        closing = 10 * predicted[2 * STEPS * 10 :]
        if learned is not None:
            return np.clip(learned(_told(state[None], way_m, closing[None])[0]), -1, 1)
        return np.append(GAIN * way_m[0, AHEAD], 1.0 if closing[0] > 0.5 else -1.0)

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
