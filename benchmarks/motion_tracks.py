"""Motion tracks: how well they are read off hands, and what a robot can do with them.

1. `landmarks`: the points of `label.motion_track` against the truth on the kinds of rendered hands
   that chose nothing, and the calibration of its confidence (needs `ROTOSCOPE_HANDS`, see
   `_skinned_hands`).
2. `recover`: Meta-World experts seen by two of its cameras, the gripper's points projected with a
   pixel of noise, and back to poses; a follower that learned from five other episodes makes actions
   of them, repeated from the same starts.
3. `policy`: one policy that predicts tracks, of "people's" and five robot episodes, and such a
   follower that does what they say (`tracks`), or one on the actions that it made of people's
   tracks (`labels`), against the five alone and against true actions. The people are the expert's
   path with a hand's points in place of the gripper's, as far off as landmarks of rendered hands
   were (a tenth of the palm, most of it constant in an episode): no picture is drawn, so
   perception's failures other than noise are not in it.

`python -m benchmarks.motion_tracks [landmarks] [recover] [policy]`
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks import _track_policies as following
from benchmarks.figure import Bar, Figure
from rotoscope.models.motion_tracks.follow import inputs_of
from rotoscope.models.motion_tracks.points import gripper_points
from rotoscope.models.motion_tracks.recover import FutureTracks, recover_actions
from rotoscope.pipeline.geometry import se3

TASKS = ("sweep-into-v3", "handle-pull-side-v3")
REPLAYED = (*TASKS, "button-press-v3", "window-open-v3", "plate-slide-v3", "coffee-push-v3")
ROBOT_SEED, PEOPLE_SEED = 2000, 1000
"""Starts of the robot's own episodes where others are replayed, and of people's."""


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
                hand = Lift(LiftConfig(max_bridge_s=0.0, check_hidden=False)).run(clip, tracks)[
                    name
                ]
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


def recover(num_episodes: int = 10, num_robot: int = 5) -> list[Figure]:
    """Poses from noisy tracks of two views, and what repeating them does."""
    out = []
    for task in REPLAYED:
        views = following.views_of(task)
        robot = [following.expert(task, ROBOT_SEED + seed) for seed in range(num_robot)]
        follow = following.follower_of(robot, views, np.random.default_rng(0))
        away_mm, turned_deg, solved, solved_truly = [], [], 0, 0
        for seed in range(num_episodes):
            episode = following.expert(task, seed)
            rng = np.random.default_rng(seed)
            later = np.minimum(following.later_rows(len(episode.state)), len(episode.state) - 1)
            points_m = gripper_points(episode.T_world_ee, episode.aperture_m)[later]
            tracks = []
            for view in views:
                px = view.project(points_m)
                tracks.append(FutureTracks(px + rng.normal(0, 1, px.shape), None))
            now = {"T_world_ee": episode.T_world_ee, "aperture_m": episode.aperture_m}
            found = recover_actions(views, tracks, **now)
            truth = episode.T_world_ee[later]
            away = np.abs(found.T_world_ee[..., :3, 3] - truth[..., :3, 3])
            away_mm.append(1e3 * away.mean())
            angle = se3.angle_between(found.T_world_ee[..., :3, :3], truth[..., :3, :3])
            turned_deg.append(np.degrees(angle.mean()))
            closing = episode.is_closing[later].astype(float)
            closing[:, 0] = episode.is_closing
            actions = follow(inputs_of(found, closing, **now))
            hand_m = episode.state[:, :3]
            solved += following.replayed(task, seed, actions, hand_m)
            solved_truly += following.replayed(task, seed, episode.action, hand_m)
        name = f"motion_tracks.recover.{task}"
        out += [
            Figure(f"{name}.position_mae_mm", float(np.mean(away_mm)), "mm", Bar("<=", 5)),
            Figure(f"{name}.rotation_deg", float(np.mean(turned_deg)), "deg", Bar("<=", 3)),
            Figure(f"{name}.true_actions", solved_truly, f"of {num_episodes}"),
            Figure(f"{name}.replay", solved / max(solved_truly, 1), "of true", Bar(">=", 0.8)),
        ]
    return out


def policy(num_people: int = 50, num_robot: int = 5, num_starts: int = 50) -> list[Figure]:
    """Success of one network on five robot episodes, with people's tracks, with true actions."""
    return [one for task in TASKS for one in policies(task, num_people, num_robot, num_starts)]


def policies(
    task: str, num_people: int, num_robot: int, num_starts: int, num_seeds: int = 3
) -> list[Figure]:
    """The same of one task."""
    views = following.views_of(task)
    robot = [following.expert(task, seed) for seed in range(num_robot)]
    people = [following.expert(task, PEOPLE_SEED + seed) for seed in range(num_people)]
    solved: dict[str, list[int]] = {}
    for seed in range(num_seeds):
        rng = np.random.default_rng(seed)
        acts = {}
        for name, episodes in (("five alone", robot), ("true actions", [*robot, *people])):
            x = np.concatenate([one.state for one in episodes])
            y = np.concatenate([one.action for one in episodes])
            acts[name] = following.fit(x, y, seed)
        follow = following.follower_of(robot, views, rng)
        own = [following.track_rows(one, views, rng, is_person=False) for one in robot]
        seen = [following.track_rows(one, views, rng, is_person=True) for one in people]
        network = following.fit(*map(np.concatenate, zip(*own, *seen, strict=True)), seed)
        acts["tracks"] = following.acting(network, follow, views)
        told = [follow(following.followed_inputs(*rows, views)) for rows in seen]
        x = np.concatenate([one.state for one in (*robot, *people)])
        y = np.concatenate([*(one.action for one in robot), *told])
        acts["labels"] = following.fit(x, y, seed)
        for name, act in acts.items():
            solved.setdefault(name, []).append(following.score(task, act, num_starts))
        print(f"{task} seed {seed}: {solved}", file=sys.stderr, flush=True)
    mean = {name: float(np.mean(counts)) for name, counts in solved.items()}
    gap = mean["true actions"] - mean["five alone"]
    closed = (mean["tracks"] - mean["five alone"]) / gap if gap > 0 else float("nan")
    base = f"motion_tracks.policy.{task}"
    out = [
        Figure(f"{base}.{name.replace(' ', '_')}", mean[name], f"of {num_starts}; seeds {counts}")
        for name, counts in solved.items()
    ]
    return [*out, Figure(f"{base}.gap_closed", closed, "1", Bar(">=", 0.5))]


if __name__ == "__main__":
    parts = {"landmarks": landmarks, "recover": recover, "policy": policy}
    chosen = [name for name in parts if name in sys.argv] or list(parts)
    for part in chosen:
        print("\n".join(figure.line() for figure in parts[part]()), flush=True)
