"""From tracks back to poses; and a policy that learns on tracks alone does the task."""

import numpy as np
import pytest
import torch

from rotoscope.models.motion_tracks.future import motion_track_contract
from rotoscope.models.motion_tracks.points import DEFAULT_POINTS, gripper_points
from rotoscope.models.motion_tracks.recover import (
    FutureTracks,
    read_tracks,
    recover_actions,
    recover_with_depth,
)
from rotoscope.models.perception.multi_view import View
from rotoscope.pipeline.errors import ContractError, TrackError
from rotoscope.pipeline.geometry import se3

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
SIZE = np.array([640, 480])


def view(angle_deg):
    R = se3.exp_so3(np.radians([0.0, angle_deg, 0.0]))
    return View(K, se3.make(R, np.array([0.0, 0.0, 1.0])))


VIEWS = [view(-35.0), view(35.0)]


def poses(num, seed=0, spread_m=0.15):
    rng = np.random.default_rng(seed)
    R = se3.exp_so3(rng.normal(0, 0.6, (num, 3)))
    return se3.make(R, rng.uniform(-spread_m, spread_m, (num, 3)))


def futures(now, steps=4, seed=1):
    """A few small motions away from the poses of now, and other openings."""
    rng = np.random.default_rng(seed)
    moved = se3.make(
        se3.exp_so3(rng.normal(0, 0.15, (len(now), steps, 3))),
        rng.normal(0, 0.03, (len(now), steps, 3)),
    )
    return now[:, None] @ moved, rng.uniform(0.01, 0.08, (len(now), steps))


def seen(one, later, aperture_m, noise_px=0.0, seed=2):
    px = one.project(gripper_points(later, aperture_m))
    return px + np.random.default_rng(seed).normal(0, 1, px.shape) * noise_px


def test_exact_tracks_of_two_views_give_the_exact_actions():
    now = poses(50)
    later, aperture_m = futures(now)
    tracks = [FutureTracks(seen(one, later, aperture_m), None) for one in VIEWS]
    found = recover_actions(VIEWS, tracks, T_world_ee=now, aperture_m=np.full(50, 0.05))
    np.testing.assert_allclose(found.T_world_ee, later, atol=1e-6)
    np.testing.assert_allclose(found.aperture_m, aperture_m, atol=1e-6)


def test_stated_sigma_is_that_of_noisy_tracks():
    now = poses(400)
    later, aperture_m = futures(now)
    tracks = [
        FutureTracks(seen(one, later, aperture_m, 1.0, seed), None)
        for seed, one in enumerate(VIEWS)
    ]
    found = recover_actions(
        VIEWS, tracks, T_world_ee=now, aperture_m=np.full(400, 0.05), sigma_px=1.0
    )
    error_m = found.T_world_ee[..., :3, 3] - later[..., :3, 3]
    # Laying the gripper on points that were placed one by one leaves a tenth more.
    share = np.sqrt((error_m**2).mean() / (found.sigma_m**2).mean())
    assert share == pytest.approx(1.0, abs=0.05)
    angle_rad = se3.angle_between(found.T_world_ee[..., :3, :3], later[..., :3, :3])
    assert np.degrees(np.median(angle_rad)) < 3
    assert (
        np.median(np.linalg.norm(found.T_world_ee[..., :3, 3] - later[..., :3, 3], axis=2)) < 5e-3
    )


def test_one_view_with_depth_gives_the_same():
    now = poses(50)
    later, aperture_m = futures(now)
    one = VIEWS[0]
    points_m = gripper_points(later, aperture_m)
    depth_m = points_m @ one.T_camera_world[2, :3] + one.T_camera_world[2, 3]
    found = recover_with_depth(
        one,
        FutureTracks(seen(one, later, aperture_m), None),
        depth_m,
        T_world_ee=now,
        aperture_m=np.full(50, 0.05),
    )
    np.testing.assert_allclose(found.T_world_ee, later, atol=1e-6)


def test_point_that_one_view_lacks_makes_the_step_unknown():
    now = poses(3)
    later, aperture_m = futures(now)
    px = [seen(one, later, aperture_m) for one in VIEWS]
    px[0][1, 2, 3] = np.nan
    found = recover_actions(
        VIEWS,
        [FutureTracks(each, None) for each in px],
        T_world_ee=now,
        aperture_m=np.full(3, 0.05),
    )
    is_known = np.isfinite(found.T_world_ee).all(axis=(2, 3))
    assert not is_known[1, 2]
    assert is_known.sum() == 3 * 4 - 1


def contract(steps=4, *, with_grasp=True, points=DEFAULT_POINTS):
    return motion_track_contract(
        points, horizon_s=0.4, steps=steps, with_grasp=with_grasp, rate_hz=30
    )


def test_rows_of_a_dataset_are_taken_apart():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (7, 4 * 11))
    tracks = read_tracks(values, contract(), width=640, height=480)
    assert tracks.points_px.shape == (7, 4, 5, 2)
    np.testing.assert_allclose(tracks.points_px[3, 1, 2], values[3, 11 + 4 : 11 + 6] * SIZE)
    np.testing.assert_array_equal(tracks.held[:, 2], values[:, 32] > 0.5)


def test_other_numbers_are_refused():
    with pytest.raises(ContractError, match="no motion tracks of wrist"):
        read_tracks(np.zeros((2, 44)), contract(points=("wrist", "index_tip")), width=9, height=9)
    two = FutureTracks(np.zeros((1, 4, 2, 2)), None)
    with pytest.raises(TrackError, match="of its own points"):
        recover_actions(VIEWS, [two, two], T_world_ee=np.eye(4)[None], aperture_m=np.array([0.05]))


class Reach:
    """A gripper that goes to a goal and closes there; 12 actions a second for two seconds."""

    NUM, DT = 24, 1 / 12

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.T = poses(1, seed)[0]
        self.T[:3, :3] = np.eye(3)
        self.goal_m = rng.uniform(-0.15, 0.15, 3)
        self.aperture_m = 0.08

    def expert(self):
        step = np.clip(self.goal_m - self.T[:3, 3], -0.02, 0.02)
        near = np.linalg.norm(self.goal_m - self.T[:3, 3]) < 0.03
        return step, max(self.aperture_m - 0.015, 0.01) if near else self.aperture_m

    def move(self, step_m, aperture_m):
        self.T = self.T.copy()
        self.T[:3, 3] += np.clip(step_m, -0.03, 0.03)
        self.aperture_m = float(np.clip(aperture_m, 0.0, 0.1))

    def observed(self):
        """What both cameras see: the gripper's points, and the goal."""
        points_m = np.concatenate(
            [gripper_points(self.T, np.array(self.aperture_m)), self.goal_m[None]]
        )
        return np.concatenate([(one.project(points_m) / SIZE).ravel() for one in VIEWS])

    @property
    def is_solved(self):
        return np.linalg.norm(self.goal_m - self.T[:3, 3]) < 0.015 and self.aperture_m < 0.03


def demonstrations(num, *, steps=3, noise_px=1.0):
    """Rows of states and of motion tracks: nothing of any robot's actions."""
    rng = np.random.default_rng(0)
    states, labels = [], []
    for seed in range(num):
        world = Reach(seed)
        T, apertures, seen_at = [], [], []
        for _ in range(Reach.NUM + steps):
            T.append(world.T)
            apertures.append(world.aperture_m)
            seen_at.append(world.observed())
            world.move(*world.expert())
        T, apertures = np.stack(T), np.array(apertures)
        tracks = [one.project(gripper_points(T, apertures)) for one in VIEWS]
        for row in range(Reach.NUM):
            states.append(seen_at[row])
            later = [px[row + 1 : row + 1 + steps] for px in tracks]
            noisy = np.stack([px + rng.normal(0, noise_px, px.shape) for px in later])
            labels.append((noisy / SIZE).ravel())
    return np.stack(states), np.stack(labels)


def test_policy_that_saw_motion_tracks_alone_solves_the_task():
    torch.manual_seed(0)
    states, labels = demonstrations(60)
    # Tracks relative to where the points are now: what MT-pi's network predicts.
    now = states.reshape(len(states), 2, 6, 2)[:, :, :5]
    wanted = (labels.reshape(len(states), 2, 3, 5, 2) - now[:, :, None]).reshape(len(states), -1)
    middle, spread = states.mean(0), states.std(0) + 1e-6
    x = torch.tensor((states - middle) / spread, dtype=torch.float32)
    y = torch.tensor(wanted / wanted.std(), dtype=torch.float32)
    network = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 128),
        torch.nn.GELU(),
        torch.nn.Linear(128, 128),
        torch.nn.GELU(),
        torch.nn.Linear(128, y.shape[1]),
    )
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(600):
        rows = torch.randint(len(x), (256,))
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(x[rows]), y[rows]).backward()
        optimizer.step()

    def rollout(seed, *, blind=False):
        world = Reach(seed)
        for _ in range(2 * Reach.NUM):
            state = world.observed()
            with torch.no_grad():
                out = network(torch.tensor((state - middle) / spread, dtype=torch.float32))
            change = np.zeros(60) if blind else out.numpy().astype(float) * wanted.std()
            px = (change.reshape(2, 3, 5, 2) + state.reshape(2, 6, 2)[:, None, :5]) * SIZE
            found = recover_actions(
                VIEWS,
                [FutureTracks(each[None], None) for each in px],
                T_world_ee=world.T[None],
                aperture_m=np.array([world.aperture_m]),
            )
            step_m = found.T_world_ee[0, 0, :3, 3] - world.T[:3, 3]
            world.move(step_m, found.aperture_m[0, 0])
            if world.is_solved:
                return True
        return False

    assert sum(rollout(1000 + seed) for seed in range(10)) >= 8
    assert sum(rollout(1000 + seed, blind=True) for seed in range(10)) == 0
