"""The golden of `motion`: a file of each format that it reads."""

from pathlib import Path
from typing import Any

import body_models
import numpy as np
from bvh_files import write_bvh
from golden_case import Case, parts, run_clip_stage

from rotoscope.pipeline.sources import open_motion
from rotoscope.pipeline.types import Clip


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


CASES = {"motion": Case(motion, 1e-9, "plain arithmetic")}
