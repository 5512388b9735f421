"""Motion tracks: how well they are read off hands, and what a robot can do with them.

1. `landmarks`: the points of `label.motion_track` against the truth on the kinds of rendered hands
   that chose nothing, and the calibration of its confidence (needs `ROTOSCOPE_HANDS`, see
   `_skinned_hands`).
2. `recover`: Meta-World experts seen by two of its cameras, the gripper's points projected with a
   pixel of noise, through the stage and back to poses; replayed from the same starts.
3. `policy`: one policy from "people's" tracks plus five robot episodes, against the five alone and
   against true actions. The people are the expert's path with a hand's points in place of the
   gripper's, as far off as landmarks of rendered hands were (a tenth of the palm, most of it
   constant in an episode): no picture is drawn, so perception's failures other than noise are not
   in it.

`python -m benchmarks.motion_tracks [landmarks] [recover] [policy]`
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.figure import Bar, Figure
from rotoscope.models.motion_tracks.points import gripper_points
from rotoscope.models.motion_tracks.recover import FutureTracks, recover_actions
from rotoscope.models.perception.multi_view import View
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.pipeline.geometry import se3

TASKS = ("sweep-into-v3", "handle-pull-side-v3")
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
REPLAYED = (*TASKS, "button-press-v3", "window-open-v3", "plate-slide-v3", "coffee-push-v3")
PALM_M = 0.089
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


def run() -> list[Figure]:
    """All three parts."""
    return [*landmarks(), *recover(), *policy()]


def landmarks() -> list[Figure]:
    """Points and confidence on kinds that chose nothing."""
    from scipy.stats import spearmanr

    from benchmarks._hand_kinds import scenes_of
    from benchmarks._hand_scenes import HEIGHT as PICTURE_HEIGHT
    from benchmarks._hand_scenes import WIDTH as PICTURE_WIDTH
    from benchmarks._hand_scenes import see
    from rotoscope.models.hands.lift_stage import Lift, LiftConfig
    from rotoscope.models.motion_tracks.landmark_error import TOLERANCE, chance_near
    from rotoscope.pipeline.geometry import pinhole
    from rotoscope.pipeline.testing import a_video
    from rotoscope.pipeline.tracks import Camera, HandTrack
    from rotoscope.pipeline.types import Clip

    points = [0, 3, 4, 7, 8]
    out, all_chances, all_errors = [], [], []
    for kinds in ("held_out", "last_look"):
        for kind, scenes in scenes_of(kinds).items():
            errors, chances = [], []
            for scene in scenes:
                seen = see(scene)
                camera = Camera(seen.K, PICTURE_WIDTH, PICTURE_HEIGHT, "recipe", 0.01)
                clip = Clip(a_video(len(seen.time_s)), 0, seen.time_s)
                name = f"hands.{scene.side}"
                tracks = {name: seen.track, "camera": camera}
                hand = Lift(LiftConfig()).run(clip, tracks)[name]
                assert isinstance(hand, HandTrack)
                assert hand.joints_m is not None
                truth = pinhole.project(seen.joints_m, seen.K)
                palm = np.linalg.norm(seen.joints_m[:, 9] - seen.joints_m[:, 0], axis=1)
                palm_px = seen.K[0, 0] * palm / seen.joints_m[:, 0, 2]
                away = np.linalg.norm((hand.landmarks_px - truth)[:, points], axis=2)
                rms = np.sqrt((away**2).mean(axis=1)) / palm_px
                errors.append(rms[hand.valid])
                chances.append(chance_near(hand.joints_m, hand.reprojection_px, camera)[hand.valid])
            error, chance = np.concatenate(errors), np.concatenate(chances)
            all_errors.append(error)
            all_chances.append(chance)
            name = f"motion_tracks.landmarks.{kind}"
            out.append(Figure(f"{name}.rms_palms", float(np.median(error)), "median"))
            out.append(Figure(f"{name}.within", float((error <= TOLERANCE).mean()), "of rows"))
            out.append(Figure(f"{name}.stated", float(chance.mean()), "mean confidence"))
    error, chance = np.concatenate(all_errors), np.concatenate(all_chances)
    rank = -float(spearmanr(chance, error)[0])
    out.append(Figure("motion_tracks.landmarks.all.rank", rank, "1", Bar(">=", 0.5)))
    edges = np.quantile(chance, np.linspace(0, 1, 6))
    which = np.clip(np.searchsorted(edges, chance) - 1, 0, 4)
    off = [
        (which == i).mean()
        * abs(chance[which == i].mean() - (error[which == i] <= TOLERANCE).mean())
        for i in range(5)
    ]
    out.append(
        Figure("motion_tracks.landmarks.all.calibration", float(np.sum(off)), "1", Bar("<=", 0.1))
    )
    return out


def recover(num_episodes: int = 10) -> list[Figure]:
    """Poses from noisy tracks of two views, and what replaying them does."""
    out = []
    for task in REPLAYED:
        views = _views(task)
        away_mm, turned_deg, solved = [], [], 0
        for seed in range(num_episodes):
            episode = _expert(task, seed)
            rng = np.random.default_rng(seed)
            later = np.minimum(_later(len(episode.state)), len(episode.state) - 1)
            points_m = gripper_points(episode.T_world_ee, episode.aperture_m)[later]
            tracks = []
            for view in views:
                px = view.project(points_m)
                tracks.append(FutureTracks(px + rng.normal(0, 1, px.shape), None))
            found = recover_actions(
                views, tracks, T_world_ee=episode.T_world_ee, aperture_m=episode.aperture_m
            )
            truth = episode.T_world_ee[later]
            away = np.abs(found.T_world_ee[..., :3, 3] - truth[..., :3, 3])
            away_mm.append(1e3 * away.mean())
            angle = se3.angle_between(found.T_world_ee[..., :3, :3], truth[..., :3, :3])
            turned_deg.append(np.degrees(angle.mean()))
            solved += _replayed(task, seed, found.T_world_ee[:, AHEAD, :3, 3], episode.is_closing)
        name = f"motion_tracks.recover.{task}"
        out += [
            Figure(f"{name}.position_mae_mm", float(np.mean(away_mm)), "mm", Bar("<=", 5)),
            Figure(f"{name}.rotation_deg", float(np.mean(turned_deg)), "deg", Bar("<=", 3)),
            Figure(f"{name}.replay", solved / num_episodes, "1", Bar(">=", 0.8)),
        ]
    return out


def policy(num_people: int = 50, num_robot: int = 5, num_starts: int = 50) -> list[Figure]:
    """Success of one network on tracks of people and robots, on five robot episodes, and on all."""
    return [one for task in TASKS for one in _policies(task, num_people, num_robot, num_starts)]


def _policies(task: str, num_people: int, num_robot: int, num_starts: int) -> list[Figure]:
    views = _views(task)
    robot = [_expert(task, seed) for seed in range(num_robot)]
    people = [_expert(task, 1000 + seed) for seed in range(num_people)]
    solved: dict[str, list[int]] = {"five alone": [], "tracks": [], "true actions": []}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        for name, episodes in (("five alone", robot), ("true actions", [*robot, *people])):
            x = np.concatenate([one.state for one in episodes])
            y = np.concatenate([one.action for one in episodes])
            solved[name].append(_score(task, _fit(x, y, seed), num_starts))
        rows = [_track_rows(one, views, rng, is_person=False) for one in robot]
        rows += [_track_rows(one, views, rng, is_person=True) for one in people]
        network = _fit(*map(np.concatenate, zip(*rows, strict=True)), seed)
        solved["tracks"].append(_score(task, _follower(network, views), num_starts))
        print(f"{task} seed {seed}: {solved}", file=sys.stderr, flush=True)
    return [
        Figure(
            f"motion_tracks.policy.{task}.{name.replace(' ', '_')}",
            float(np.mean(counts)),
            f"of {num_starts}; seeds {counts}",
        )
        for name, counts in solved.items()
    ]


def _later(num: int) -> np.ndarray:
    return np.arange(num)[:, None] + STRIDE * np.arange(1, STEPS + 1)


def _views(task: str) -> list[View]:
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


def _expert(task: str, seed: int) -> Episode:
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


def _replayed(
    task: str,
    seed: int,
    target_m: Float[np.ndarray, "row 3"],
    is_closing: Bool[np.ndarray, " row"],
) -> bool:
    """Whether the robot solves the task when it goes where the tracks said."""
    simulator = open_simulator(f"metaworld:{task}")
    observation, is_solved = simulator.reset(seed), False
    # What follows is slower than who led; it has as long again at the last place.
    for moment in range(min(2 * len(target_m), simulator.facts.horizon)):
        row = min(moment, len(target_m) - 1)
        move = GAIN * (target_m[row] - observation[STATE][:3])
        step = simulator.step(np.append(move, 1.0 if is_closing[row] else -1.0))
        observation, is_solved = step.observation, is_solved or step.is_success
    simulator.close()
    return is_solved


def _track_rows(
    episode: Episode, views: Sequence[View], rng: np.random.Generator, *, is_person: bool
) -> tuple[np.ndarray, np.ndarray]:
    """States, and tracks relative to where the points are now, with the closing of each step."""
    later = np.minimum(_later(len(episode.state)), len(episode.state) - 1)
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


def _follower(
    network: Callable[[np.ndarray], np.ndarray], views: Sequence[View]
) -> Callable[[np.ndarray], np.ndarray]:
    """Goes where the predicted tracks lead."""

    def act(state: np.ndarray) -> np.ndarray:
        predicted = network(state)
        T = se3.make(DOWN, state[:3])[None]
        aperture_m = np.array([OPEN_M * state[3]])
        now_m = gripper_points(T, aperture_m)
        size = STEPS * 10
        tracks = []
        for number, view in enumerate(views):
            change = predicted[number * size : (number + 1) * size].reshape(1, STEPS, 5, 2)
            px = view.project(now_m)[:, None] + change * np.array([WIDTH, HEIGHT])
            tracks.append(FutureTracks(px, None))
        found = recover_actions(views, tracks, T_world_ee=T, aperture_m=aperture_m)
        move = GAIN * (found.T_world_ee[0, AHEAD, :3, 3] - state[:3])
        return np.append(np.nan_to_num(move), 1.0 if predicted[2 * size] > 0.05 else -1.0)

    return act


def _fit(x: np.ndarray, y: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
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


def _score(task: str, act: Callable[[np.ndarray], np.ndarray], num_starts: int) -> int:
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


if __name__ == "__main__":
    parts = {"landmarks": landmarks, "recover": recover, "policy": policy}
    chosen = [name for name in parts if name in sys.argv] or list(parts)
    for part in chosen:
        print("\n".join(figure.line() for figure in parts[part]()), flush=True)
