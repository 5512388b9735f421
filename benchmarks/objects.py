"""Objects: segments, contact and path of things that rendered hands take, and a captured grasp.

`python -m benchmarks objects`. Constants were chosen on `_object_kinds.CHOSE`; the scenes here
chose nothing but two of them, `r_plate` and `r_cloth`, which were looked at while parts were built;
each kind stands for itself. The true focal length and palm length are given. Of
`rendered_grasp` the mask is not known but the box's color is; it is looked at only, and two of its
views, e and h, were looked at while mending.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._object_hands import clip_of, kept_hands, seen_hands
from benchmarks._object_kinds import REPORT
from benchmarks._object_scenes import RATE_HZ, ObjectClip, ObjectScene, object_clip
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.objects.stage import Objects
from rotoscope.models.perception.pnp import rotation_between
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ObjectTrack

GRASPS = ("e", "f", "g", "h", "pan", "walk", "ego")
LATE_S = 0.15


def run() -> list[Figure]:
    """All kinds, then the captured grasp's views; rendering takes minutes, once."""
    figures: list[Figure] = []
    for kind, scenes in REPORT.items():
        for scene in scenes:
            figures += _scene(f"objects.{kind}.{scene.name.removeprefix('r_')}", scene)
    return figures + _captured()


def find(path: Path, tracks: Tracks) -> tuple[list[ObjectTrack], float]:
    """The things of a clip, and CPU time [ms a frame]."""
    stage, clip = Objects(Objects.Config()), clip_of(path)
    stage.setup()
    start_s = time.process_time()
    made = stage.run(clip, tracks)
    cost_ms = (time.process_time() - start_s) / clip.num_frames * 1e3
    return [t for t in made.values() if isinstance(t, ObjectTrack)], cost_ms


def _scene(name: str, scene: ObjectScene) -> list[Figure]:
    clip = object_clip(scene)
    things, cost_ms = find(clip.path, seen_hands(clip))
    cpu = Figure(f"{name}.cpu", cost_ms, "ms/frame", Bar("<=", 35))
    if scene.thing == "none":
        return [Figure(f"{name}.things", len(things), "things", Bar("==", 0)), cpu]
    thing = max(things, key=lambda t: int(t.is_held.sum()), default=None)
    if thing is None:
        return [Figure(f"{name}.iou", 0.0, "1", Bar(">=", 0.7)), cpu]
    overlap = np.array([_iou(thing.mask(t), mask) for t, mask in enumerate(clip.masks)])
    return [
        Figure(f"{name}.iou", float(np.median(overlap)), "1", Bar(">=", 0.7)),
        Figure(f"{name}.iou_while_moved", float(np.median(overlap[clip.is_moved])), "1"),
        Figure(f"{name}.marks_other", float(marks_other(things, clip).mean()), "1"),
        *_contact_figures(name, thing, clip.is_moved),
        *_path_figures(name, thing, clip),
        cpu,
    ]


def marks_other(things: list[ObjectTrack], clip: ObjectClip) -> Bool[np.ndarray, " time"]:
    """Frames in which some segment lies more beside the thing that is taken than on it."""
    out = np.zeros(len(clip.masks), bool)
    for track in things:
        for t in np.flatnonzero(track.valid).tolist():
            mask = track.mask(t)
            out[t] |= bool((mask & clip.masks[t]).sum() < 0.5 * mask.sum())
    return out


def _contact_figures(
    name: str, thing: ObjectTrack, moved: Bool[np.ndarray, " time"]
) -> list[Figure]:
    held, true = np.flatnonzero(thing.is_held), np.flatnonzero(moved)
    return [
        Figure(f"{name}.onset", (held[0] - true[0]) / RATE_HZ, "s late"),
        Figure(f"{name}.release", (held[-1] - true[-1]) / RATE_HZ, "s late"),
        Figure(f"{name}.onset_off", abs(held[0] - true[0]) / RATE_HZ, "s", Bar("<=", LATE_S)),
        Figure(f"{name}.release_off", abs(held[-1] - true[-1]) / RATE_HZ, "s", Bar("<=", LATE_S)),
        Figure(f"{name}.held_agrees", float((thing.is_held == moved).mean()), "1", Bar(">=", 0.9)),
    ]


def _path_figures(name: str, thing: ObjectTrack, clip: ObjectClip) -> list[Figure]:
    true = _in_reference(clip)
    known = np.isfinite(thing.center_m).all(axis=1) & thing.is_held
    if known.sum() < 10:
        return [Figure(f"{name}.path_frames", int(known.sum()), "frames")]
    a, b = thing.center_m[known], true[known]
    R = rotation_between(a, b[None])[0]
    off = (a - a.mean(axis=0)) @ R.T - (b - b.mean(axis=0))
    inside = (np.abs(a - b) < 2 * thing.sigma_m[known]).mean()
    return [
        Figure(
            f"{name}.path_rms",
            float(1e3 * np.sqrt((off**2).sum(axis=1).mean())),
            "mm",
            Bar("<=", 25),
        ),
        Figure(f"{name}.path_off", float(1e3 * np.median(np.linalg.norm(a - b, axis=1))), "mm"),
        Figure(f"{name}.path_in_2_sigma", float(inside), "1"),
    ]


def _in_reference(clip: ObjectClip) -> Float[np.ndarray, "time 3"]:
    T = clip.T_reference_camera
    return np.asarray((T[:, :3, :3] @ clip.center_m[..., None])[..., 0] + T[:, :3, 3])


def _iou(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _captured() -> list[Figure]:
    """The captured grasp: the box is the only thing that is dark red."""
    folder, figures, all_iou = require_shared_data() / "rendered_grasp", [], []
    for view in GRASPS:
        path = folder / f"{view}.mp4"
        with np.load(path.with_name(f"{view}_gt.npz")) as arrays:
            K, pose = arrays["K"], arrays["object_pose_world"]
        things, _ = find(path, kept_hands(path, float(K[0, 0])))
        name = f"objects.rendered_grasp.{view}"
        thing = max(things, key=lambda t: int(t.is_held.sum()), default=None)
        if thing is None:
            figures.append(Figure(f"{name}.iou", 0.0, "1"))
            all_iou.append(0.0)
            continue
        moved_m = np.linalg.norm(pose[:, :3, 3] - pose[0, :3, 3], axis=1)
        onset = int(np.argmax(moved_m > 0.002))
        overlap = [_iou(thing.mask(t), mask) for t, mask in enumerate(_red(path))]
        all_iou.append(float(np.median(overlap)))
        late = (int(np.argmax(thing.is_held)) - onset) / RATE_HZ
        figures += [
            Figure(f"{name}.iou", all_iou[-1], "1"),
            Figure(f"{name}.onset", late, "s late"),
        ]
    figures.append(
        Figure("objects.rendered_grasp.iou_median", np.median(all_iou), "1", Bar(">=", 0.85))
    )
    figures.append(Figure("objects.rendered_grasp.iou_least", np.min(all_iou), "1", Bar(">=", 0.5)))
    return figures


def _red(path: Path) -> list[Bool[np.ndarray, "h w"]]:
    import cv2

    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    out = []
    for frame in read_frames(probe(path)):
        small = cv2.resize(frame.rgb, (320, 240), interpolation=cv2.INTER_AREA).astype(int)
        red, rest = small[..., 0], small[..., 1:].max(axis=2)
        mask = ((red > 1.8 * rest) & (red > 50) & (red < 210)).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        num, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        largest = 1 + int(np.argmax(stats[1:, 4])) if num > 1 else -1
        out.append(np.asarray(labels == largest))
    return out
