"""Goldens of the stages that work on bodies, and of `smooth`, which works on hands too."""

from pathlib import Path
from typing import Any

import body_models
import numpy as np
from body_shapes import HEIGHT, WIDTH, K, body_m, landmarks_of, project
from bvh_files import write_bvh
from golden_case import Case, clip_of, parts, run_clip_stage
from golden_hands import seen_hand
from small_robots import BIPED_JOINTS, STANDING_HEIGHT_M, biped
from walkers import body_of, walker, without, write_armed_humanoid

from pipeline.contract import ActionContract, Dimension
from pipeline.sources import open_motion
from pipeline.tracks import BODY_JOINTS, SIDES, ActionTrack, BodyTrack, Camera, FeatureTrack
from pipeline.types import Clip

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
        )
        support = FeatureTrack(
            "label.support", "person0", person.support_m[frames], ("left", "right"), "m", "Support."
        )
        tracks = {"body.person0": body, "features.support.person0": support}
        made[name] = run_clip_stage("retarget.humanoid", clip_of(num), tracks, robot=robot)
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


def motion(folder: Path) -> dict[str, Any]:
    bvh = write_bvh(folder / "step.bvh", frames=20)
    rng = np.random.default_rng(2)
    poses = rng.normal(0, 0.2, (12, 156))
    poses[:, :3] = [np.pi / 2, 0, 0]
    walk = {"poses": poses, "trans": np.linspace(0, 1, 12)[:, None] * [1.0, 0.5, 0.9]}
    np.savez(folder / "walk.npz", **walk, betas=np.array([1.0, -1, 0.5]), mocap_framerate=60.0)
    body_models.write_model(folder / "models", "SMPL-H")
    with np.load(folder / "walk.npz") as archive:
        np.savez(folder / "own.npz", **archive)
    (folder / "points.motion.yaml").write_text("rate_hz: 25\nup: y\nunit: cm\n")
    np.save(folder / "points.npy", 100 * _smpl_points(15))
    (folder / "7.asf").write_text(_asf())
    (folder / "7_01.amc").write_text(_amc(15))
    return parts(
        bvh=_read(bvh),
        parameters=_read(folder / "walk.npz"),
        model=_read(folder / "own.npz", body_models=folder / "models"),
        keypoints=_read(folder / "points.npy"),
        amc=_read(folder / "7_01.amc"),
    )


def _read(path: Path, **config: Any) -> dict[str, Any]:
    video, time_s = open_motion(path, sha256="0" * 64)
    return run_clip_stage("motion", Clip(video, 2, time_s[2:]), {}, **config)


def _smpl_points(num: int) -> np.ndarray:
    """SMPL's 24 joints of somebody who stands and bends sideways, y up [m]."""
    half = [(0, 0.95), (0.07, 0.86), (0, 1.05), (0.1, 0.48), (0, 1.2), (0.1, 0.08), (0, 1.26)]
    half += [(0.11, 0.02), (0, 1.45), (0.08, 1.38), (0, 1.55), (0.18, 1.4), (0.44, 1.4)]
    half += [(0.69, 1.4), (0.78, 1.4)]
    rows = [p for x, y in half for p in ([(x, y, 0.02), (-x, y, 0.02)] if x else [(x, y, 0)])]
    bend = 0.1 * np.sin(np.arange(num) / 3)[:, None]
    points = np.repeat(np.array(rows, float)[None], num, axis=0)
    c, s = np.cos(bend), np.sin(bend)
    x, y = points[..., 0].copy(), points[..., 1].copy()
    points[..., 0], points[..., 1] = c * x - s * y, s * x + c * y
    return points


_BONES = {
    "hipjoint": ("root", (0.6, -0.7, 0.3), 2.0, ""),
    "femur": ("hipjoint", (0.1, -0.99, 0.0), 7.3, "rx ry rz"),
    "tibia": ("femur", (0.1, -0.99, 0.0), 7.6, "rx"),
    "foot": ("tibia", (0.0, -0.3, 0.95), 2.0, "rx rz"),
    "toes": ("foot", (0.0, 0.0, 1.0), 1.0, "rx"),
    "clavicle": ("thorax", (0.9, 0.4, 0.0), 3.0, "ry rz"),
    "humerus": ("clavicle", (1.0, 0.0, 0.0), 5.0, "rx ry rz"),
    "radius": ("humerus", (1.0, 0.0, 0.0), 3.5, "rx"),
    "wrist": ("radius", (1.0, 0.0, 0.0), 1.5, "ry"),
}
"""Of an Acclaim skeleton: parent, direction, length and angles of the bones of the left side."""


def _asf() -> str:
    lines = [":version 1.10", ":units", " length 0.45", " angle deg", ":root"]
    lines += [" order TX TY TZ RX RY RZ", " axis XYZ", " position 0 0 0", " orientation 0 0 0"]
    lines += [":bonedata", " begin", "  name thorax", "  length 7", "  direction 0 1 0"]
    lines += ["  axis 10 -25 40 XYZ", "  dof rx ry rz", " end"]
    tree = ["root thorax lhipjoint rhipjoint", "thorax lclavicle rclavicle"]
    for name, (parent, (x, y, z), length, dof) in _BONES.items():
        for side, sign in (("l", 1), ("r", -1)):
            lines += [" begin", f"  name {side}{name}", f"  length {length}"]
            lines += [f"  direction {sign * x} {y} {z}", "  axis 10 -25 40 XYZ"]
            lines += [f"  dof {dof}"] * bool(dof) + [" end"]
            if parent not in ("root", "thorax"):
                tree.append(f"{side}{parent} {side}{name}")
    return "\n".join([*lines, ":hierarchy", " begin", *tree, " end", ""])


def _amc(num_frames: int) -> str:
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(num_frames):
        lines += [str(frame + 1), f"root 1 {16 + 0.1 * frame} 2 0 {frame} 0", f"thorax {frame} 0 5"]
        for name, (_, _, _, dof) in _BONES.items():
            angles = " ".join(
                str(round(3 * np.sin(frame / 4 + k), 4)) for k in range(len(dof.split()))
            )
            lines += [f"{side}{name} {angles}" for side in "lr" if dof]
    return "\n".join(lines) + "\n"


CASES = {
    "lift_body": Case(lift_body, 1e-7, "least squares that stop at a tolerance"),
    "smooth": Case(smooth, 3e-5, "strengths are found by an optimiser that stops at a tolerance"),
    "fit_smplx": Case(fit_smplx, 1e-7, "least squares that stop at a tolerance"),
    "ground": Case(ground, 1e-7, "the upward direction is a least-squares solution"),
    "retarget.humanoid": Case(humanoid, 1e-6, "an optimiser that stops at a tolerance"),
    "check.physics": Case(physics, 1e-6, "contacts enlarge rounding from step to step"),
    "motion": Case(motion, 1e-9, "plain arithmetic"),
}
