"""Goldens of the stages that work on bodies, and of `smooth`, which works on hands too."""

from pathlib import Path
from typing import Any

import body_models
import numpy as np
from body_shapes import HEIGHT, WIDTH, K, body_m, landmarks_of, project
from golden_case import Case, clip_of, parts, run_clip_stage
from golden_hands import seen_hand
from small_robots import BIPED_JOINTS, STANDING_HEIGHT_M, biped
from walkers import body_of, walker, without, write_armed_humanoid

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    SIDES,
    ActionTrack,
    BodyTrack,
    Camera,
    FeatureTrack,
)

CAMERA = Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.03)
BIPED_YAML = """name: biped
kind: humanoid
folder: .
file: biped.xml
root: trunk
body:
  pelvis: {link: trunk}
  neck: {link: trunk, offset_m: [0, 0, 0.3]}
"""
LEG_YAML = """  SIDE_hip: {link: SIDE_thigh}
  SIDE_knee: {link: SIDE_shin}
  SIDE_ankle: {link: SIDE_foot}
"""
SOLE_YAML = (
    "{link: SIDE_foot, sole_m: [[0.13, 0.04, -0.06], [0.13, -0.04, -0.06], [-0.07, 0, -0.06]]}"
)


def squatting(num: int = 30) -> np.ndarray:
    """Joints in the camera frame of somebody who squats and turns a little."""
    phase = np.linspace(0, 2 * np.pi, num)
    return np.array([body_m(0.5 - 0.4 * np.cos(p), 0.3 * np.sin(p)) for p in phase])


def noisy(joints_m: np.ndarray, sigma_m: float, seed: int = 0) -> np.ndarray:
    return joints_m + np.random.default_rng(seed).normal(0, sigma_m, joints_m.shape)


def lift_body(folder: Path) -> dict[str, Any]:
    true_m = squatting()
    landmarks = landmarks_of(true_m)
    valid = np.ones(30, bool)
    valid[11] = False
    body = BodyTrack(
        subject="person0",
        score=np.ones(30),
        valid=valid,
        landmarks_px=noisy(project(landmarks), 2.0),
        landmarks_m=noisy(0.9 * (landmarks - true_m[:, :1]), 0.01, 1),
        visibility=np.ones((30, len(BODY_JOINTS))),
    )
    clip = clip_of(30, size=(WIDTH, HEIGHT))
    return run_clip_stage("lift_body", clip, {"body.person0": body, "camera": CAMERA})


def smooth(folder: Path) -> dict[str, Any]:
    made = {}
    for seed, noise_m in enumerate((0.002, 0.01, 0.03)):
        joints = noisy(squatting(60), noise_m, seed)
        joints[30, 5] += 0.4
        joints[10:13] += 0.15
        valid = np.ones(60, bool)
        valid[40:44] = False
        joints[~valid] = np.nan
        body = body_of(joints, valid=valid, sigma_m=np.full((60, 3), 2 * noise_m))
        side = ("right", "left")[seed % 2]
        hand = seen_hand(side, noise_m=noise_m, seed=seed)
        tracks = {f"hands.{side}": hand, "body.person0": body}
        made[f"{seed}"] = run_clip_stage("smooth", clip_of(60), tracks)
    return parts(**made)


def fit_smplx(folder: Path) -> dict[str, Any]:
    body_models.write_model(folder)
    body = body_of(noisy(squatting(12), 0.005))
    return run_clip_stage("fit_smplx", clip_of(12), {"body.person0": body}, model_path=folder)


def ground(folder: Path) -> dict[str, Any]:
    person = walker(num_strides=2, rise_m=0.1)
    num = len(person.time_s)
    from_file = body_of(noisy(person.joints_m, 0.002))
    shaky = body_of(noisy(person.joints_m, 0.01, 1))
    seen = shaky.replace(landmarks_px=np.zeros((num, 33, 2)))
    return parts(
        file=run_clip_stage("ground", clip_of(num), {"body.person0": from_file}),
        shaky=run_clip_stage("ground", clip_of(num, rate_hz=50.0), {"body.person0": shaky}),
        camera=run_clip_stage("ground", clip_of(num), {"body.person0": seen}),
    )


LOWER = ("pelvis", "hip", "knee", "ankle", "heel", "toe")
"""What is out of the picture of a person at a table."""


def humanoid(folder: Path) -> dict[str, Any]:
    """A walker of whom two frames are missing; one on stairs whose arms were never seen."""
    robot = str(write_armed_humanoid(folder))
    made = {}
    for name, rise_m in (("walks", 0.0), ("climbs", 0.08)):
        person = walker(num_strides=2, rise_m=rise_m)
        frames = slice(15, 60)
        num = frames.stop - frames.start
        joints = noisy(person.joints_m[frames], 0.002)
        joints[20:22] = np.nan
        if rise_m:
            joints = without(joints, "elbow", "wrist")
        body = body_of(
            joints,
            T_world_source=np.eye(4),
            contact=person.contact[frames],
            sigma_m=np.full((num, 3), 0.02),
            sigma_joint_m=np.full(joints.shape[:2], 0.05),
        )
        support = FeatureTrack(
            "label.support", "person0", person.support_m[frames], ("left", "right"), "m", "Support."
        )
        tracks = {"body.person0": body, "features.support.person0": support}
        made[name] = run_clip_stage("retarget.humanoid", clip_of(num), tracks, robot=robot)
    return parts(**made)


def upper_body(folder: Path) -> dict[str, Any]:
    """A walker seen whole, and one of whom nothing below the chest was ever seen."""
    robot = str(write_armed_humanoid(folder))
    made = {}
    for name, unseen in {"whole": (), "cropped": LOWER}.items():
        joints = noisy(walker(num_strides=2, rise_m=0.0).joints_m[15:60], 0.002)
        joints[20:22] = np.nan
        body = body_of(without(joints, *unseen), T_world_source=np.eye(4))
        made[name] = run_clip_stage(
            "retarget.upper_body", clip_of(45), {"body.person0": body}, robot=robot
        )
    return parts(**made)


def physics(folder: Path) -> dict[str, Any]:
    (folder / "biped.xml").write_text(biped())
    legs = "".join(LEG_YAML.replace("SIDE", side) for side in SIDES)
    feet = "".join(f"  {s}: {SOLE_YAML.replace('SIDE', s)}\n" for s in SIDES)
    (folder / "biped.yaml").write_text(f"{BIPED_YAML}{legs}feet:\n{feet}")
    made = {}
    for name, lean, step_m in (("stands", 0.0, 0.0), ("falls", 0.6, 0.0), ("steps", 0.0, 0.1)):
        tracks = _legs(lean, step_m)
        settings = {"robot": str(folder / "biped.yaml"), "settings": {"timestep_s": 0.004}}
        made[name] = run_clip_stage("check.physics", clip_of(40), tracks, **settings)
    bolted = {k: v for k, v in _legs(0.0, 0.0).items() if k.startswith("actions")}
    made["bolted"] = run_clip_stage("check.physics", clip_of(40), bolted, **settings)
    return parts(**made)


def _legs(lean_rad: float, step_m: float) -> dict[str, Any]:
    """Actions of a biped that bends its knees, its root, and what its feet rest on."""
    bend = 0.3 + 0.1 * np.sin(np.arange(40) / 5)
    leg = np.stack([-bend, 2 * bend, -bend - lean_rad], axis=1)
    contract = ActionContract(
        robot="biped",
        dimensions=tuple(
            Dimension(name=f"biped_{n}.pos", quantity="joint", unit="rad") for n in BIPED_JOINTS
        ),
        rate_hz=30,
        shift_s=0,
    )
    root = np.zeros((40, 6))
    root[:, 2] = 0.28 * (np.cos(bend - lean_rad) + np.cos(bend + lean_rad)) + step_m
    root[:, 2] += STANDING_HEIGHT_M - 0.56
    root[:, 4] = lean_rad
    actions = ActionTrack(
        labeler="legs",
        subject="person0",
        contract=contract,
        values=np.concatenate([leg, leg], axis=1),
        valid=np.ones(40, bool),
        confidence=np.ones(40),
        reason=np.zeros(40, np.uint8),
    )
    names = ("x", "y", "z", "wx", "wy", "wz")
    rests = np.full((40, 2), step_m)
    return {
        "actions.legs.person0": actions,
        "features.root_pose.person0": FeatureTrack(
            "label.root_pose", "person0", root, names, "m, rad", "Root."
        ),
        "features.support.person0": FeatureTrack(
            "label.support", "person0", rests, ("left", "right"), "m", "Support."
        ),
    }


CASES = {
    "lift_body": Case(lift_body, 1e-7, "least squares that stop at a tolerance"),
    "smooth": Case(smooth, 1e-5, "strengths are found by an optimizer that stops at a tolerance"),
    "fit_smplx": Case(fit_smplx, 1e-7, "least squares that stop at a tolerance"),
    "ground": Case(ground, 1e-7, "the upward direction is a least-squares solution"),
    "retarget.humanoid": Case(humanoid, 1e-6, "an optimizer that stops at a tolerance"),
    "retarget.upper_body": Case(upper_body, 1e-6, "an optimizer that stops at a tolerance"),
    "check.physics": Case(physics, 1e-6, "contacts enlarge rounding from step to step"),
}
