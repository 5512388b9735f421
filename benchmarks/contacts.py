"""Foot contacts and ground: made-up walks with the truth, recordings with flags, a squats video.

Three references, from the surest to the least sure: walks whose contacts are known because they
were made; the rule by which OmniRetarget measures skating (a toe that moves by at most 1 cm a frame
at 30 frames/s) on two OMOMO clips; and the contact flags that pyroki ships with a person who
climbs stairs. Where those come from is not said; the toe of a flagged foot moves at 0.39 m/s in the
median, that of the others at 0.54, so that no threshold on the motion can agree with them. What
calling every frame contact would score stands beside them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._stances import down_from_box, step_onto_box, waiting_on_one_leg
from benchmarks._walks import Walk, noisy, walk
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES
from rotoscope.retarget.ground.contact_detection import Contacts
from rotoscope.retarget.ground.sole_heights import feet_of
from rotoscope.retarget.ground.stage import fit_ground, ground_of

UP = np.array([0.0, 0.0, 1.0])
SEEDS = range(500, 508)
NOISES = {"clean": (0.0, 0.0), "1cm": (0.01, 0.0), "2cm": (0.02, 0.0), "2cm_drifting": (0.02, 0.8)}
SMPL_JOINTS = {
    "pelvis": 0,
    "neck": 12,
    **{
        f"{side}_{name}": index + k
        for k, side in enumerate(SIDES)
        for name, index in (("hip", 1), ("knee", 4), ("ankle", 7), ("toe", 10), ("shoulder", 16))
    },
    "left_heel": 31,
    "right_heel": 34,
}
"""Which of the 45 keypoints each of `BODY_JOINTS` is."""
RULE_M_S = 0.3


def run() -> list[Figure]:
    """All figures; those whose recordings are absent are left out."""
    return [*_made_up(), *_stances(), *_by_the_rule(), *_pyroki(), *_squats()]


def _made_up() -> list[Figure]:
    figures = []
    for name, (sigma_m, correlation) in NOISES.items():
        scores, ground_mm, support_mm, cpu_s, frames = [], [], [], 0.0, 0
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            truth = walk(
                rate_hz=float(rng.choice([25.0, 30.0, 60.0])),
                stride_m=float(rng.uniform(0.9, 1.5)),
                stride_s=float(rng.uniform(0.9, 1.3)),
                rise_m=float(rng.choice([0.0, 0.15])),
                heading_rad=float(rng.uniform(-3, 3)),
            )
            joints = noisy(truth.joints_m, rng, sigma_m=sigma_m, correlation=correlation)
            start_s = time.process_time()
            found = fit_ground(joints, truth.time_s, UP)
            cpu_s, frames = cpu_s + time.process_time() - start_s, frames + len(joints)
            scores.append(_scores(found.contacts.contact, truth.contact))
            ground_mm.append(abs(found.T_world_source[2, 3]) * 1e3)
            support_mm.append(_support_error_mm(found.contacts, truth))
        precision, recall, f1 = np.mean(scores, axis=0)
        figures += [
            Figure(f"contacts.walk.{name}.precision", precision, "1"),
            Figure(f"contacts.walk.{name}.recall", recall, "1"),
            Figure(f"contacts.walk.{name}.f1", f1, "1"),
            Figure(f"contacts.walk.{name}.ground_error", float(np.mean(ground_mm)), "mm"),
            Figure(f"contacts.walk.{name}.support_error", float(np.mean(support_mm)), "mm"),
            Figure(f"contacts.walk.{name}.cpu_per_frame", cpu_s / frames * 1e3, "ms"),
        ]
    return figures


STANCES: dict[str, Callable[[float], Walk]] = {
    "wait": waiting_on_one_leg,
    "box": step_onto_box,
    "down": down_from_box,
}
"""People who wait on one leg, step onto a box, and down from one, by how high they step [m]."""


def _stances() -> Iterator[Figure]:
    """Frames in which a foot stands that does not, by kind, at heights that chose nothing."""
    for kind, stance in STANCES.items():
        for noise in ("clean", "1cm", "2cm"):
            wrong, missed = [], []
            for seed in SEEDS:
                rng = np.random.default_rng(seed)
                truth = stance(float(rng.uniform(0.07, 0.5)))
                joints = noisy(truth.joints_m, rng, sigma_m=NOISES[noise][0])
                found = fit_ground(joints, truth.time_s, UP).contacts.contact
                wrong.append((found & ~truth.contact).any(axis=1).mean())
                missed.append((~found & truth.contact).any(axis=1).mean())
            where = f"contacts.{kind}.{noise}"
            yield Figure(f"{where}.wrong_frames", float(np.mean(wrong)), "1")
            yield Figure(f"{where}.missed_frames", float(np.mean(missed)), "1")


def _support_error_mm(found: Contacts, truth: Walk) -> float:
    both = found.contact & truth.contact
    return float(np.abs(found.support_height_m - truth.support_m)[both].mean() * 1e3)


def _by_the_rule() -> list[Figure]:
    from benchmarks._omomo import omomo_clips, to_body_joints

    try:
        clips = omomo_clips()
    except AssetError:
        return []
    figures = []
    for name, (time_s, joints52_m) in clips.items():
        joints = to_body_joints(joints52_m)
        found = fit_ground(joints, time_s, UP).contacts.contact
        figures += _figures(f"contacts.omomo_rule.{name}", found, _rule(joints))
    return figures


def _rule(joints_m: Float[np.ndarray, "time body_joint 3"]) -> Bool[np.ndarray, "time 2"]:
    """A toe that moves horizontally by at most 1 cm a frame, at 30 frames/s."""
    toes = joints_m[:, [BODY_JOINTS.index(f"{side}_toe") for side in SIDES], :2]
    slow = np.linalg.norm(np.diff(toes, axis=0), axis=2) * 30.0 <= RULE_M_S
    return np.concatenate([slow[:1], slow])


def _pyroki() -> list[Figure]:
    folder = require_shared_data() / "pyroki" / "humanoid"
    keypoints = np.load(folder / "smpl_keypoints.npy")
    flags = np.stack([np.load(folder / f"{side}_foot_contact.npy") for side in SIDES], axis=1)
    joints = np.full((len(keypoints), len(BODY_JOINTS), 3), np.nan)
    for name, index in SMPL_JOINTS.items():
        joints[:, BODY_JOINTS.index(name)] = keypoints[:, index]
    found = fit_ground(joints, np.arange(len(keypoints)) / 30.0, UP).contacts.contact
    speed = np.linalg.norm(np.diff(feet_of(joints)[:, :, 2, :2], axis=0), axis=2) * 30.0
    always = np.ones_like(flags)
    return [
        *_figures("contacts.pyroki_flags", found, flags),
        Figure("contacts.pyroki_flags.f1_of_always", _scores(always, flags)[2], "1"),
        Figure("contacts.pyroki_flags.f1_of_rule", _scores(_rule(joints), flags)[2], "1"),
        Figure(
            "contacts.pyroki_flags.toe_speed_flagged", float(np.median(speed[flags[1:]])), "m/s"
        ),
        Figure(
            "contacts.pyroki_flags.toe_speed_others", float(np.median(speed[~flags[1:]])), "m/s"
        ),
        *_figures("contacts.pyroki_rule", found, _rule(joints)),
    ]


def _squats() -> list[Figure]:
    """Both feet stand through all squats; how far they and the upright are off is reported."""
    from rotoscope.models.bodies.lift_stage import LiftBody
    from rotoscope.models.bodies.stage import Body
    from rotoscope.pipeline.stages.camera import CameraStage
    from rotoscope.pipeline.tracks import BodyTrack
    from rotoscope.pipeline.types import Clip
    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    video = probe(require_shared_data() / "tfjs_pose_regression" / "pose_squats.mp4")
    body_stage = Body(Body.Config())
    try:
        body_stage.setup()
    except AssetError:
        return []
    body_stage.begin(video)
    times = []
    for frame in read_frames(video):
        body_stage.observe(frame)
        times.append(frame.time_s)
    time_s = np.array(times)
    tracks = body_stage.finish(time_s)
    body_stage.close()
    clip = Clip(video, 0, time_s)
    tracks |= CameraStage(CameraStage.Config()).run(clip, tracks)
    tracks |= LiftBody(LiftBody.Config()).run(clip, tracks)
    body = tracks["body.person0"]
    assert isinstance(body, BodyTrack)
    ground = ground_of(body, time_s)
    planted = ground.contacts.contact.all(axis=1)
    tilt_deg = float(np.degrees(np.arccos(-ground.T_world_source[2, 1])))
    return [
        Figure("contacts.squats.both_planted", float(planted.mean()), "1", Bar("==", 1.0)),
        Figure("contacts.squats.camera_tilt", tilt_deg, "deg"),
        Figure("contacts.squats.camera_tilt_sigma", float(np.degrees(ground.sigma_up_rad)), "deg"),
    ]


def _figures(
    name: str, found: Bool[np.ndarray, "time 2"], truth: Bool[np.ndarray, "time 2"]
) -> list[Figure]:
    scores = _scores(found, truth)
    return [
        Figure(f"{name}.{key}", value, "1")
        for key, value in zip(("precision", "recall", "f1"), scores, strict=True)
    ]


def _scores(
    found: Bool[np.ndarray, "time 2"], truth: Bool[np.ndarray, "time 2"]
) -> tuple[float, float, float]:
    """Precision, recall and F1 over all frames of both feet."""
    both = float((found & truth).sum())
    precision, recall = both / max(float(found.sum()), 1.0), both / max(float(truth.sum()), 1.0)
    return precision, recall, 2.0 * both / max(float(found.sum() + truth.sum()), 1.0)
