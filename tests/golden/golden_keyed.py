"""Goldens of what is stored beside the tracks of stages: frames, episodes, their pictures."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from bvh_files import write_bvh
from golden_case import Case, clip_of, parts, run_clip_stage
from golden_hands import CAMERA, seen_hand
from golden_learned import picture
from video_files import variable_times_s, write_video

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.episodes.assemble import build_episodes
from rotoscope.pipeline.export.render import render_episodes
from rotoscope.pipeline.export.stored_episode import open_episode
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.sources import open_motion
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack, Track
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

NUM = 60
LOSSLESS = {"options": {"qp": "0"}, "size": (96, 64), "paint": picture}
"""What decoding gives is then the same whichever encoder wrote it."""


def frames(folder: Path) -> dict[str, Any]:
    plain = write_video(folder / "plain.mp4", frames=8, **LOSSLESS)
    turned = write_video(folder / "turned.mp4", frames=4, rotation=90, **LOSSLESS)
    uneven = write_video(folder / "uneven.mp4", frames=8, times_s=variable_times_s(8), **LOSSLESS)
    made = {path.stem: _shown(path) for path in (plain, turned, uneven)}
    made["decord"] = _shown(plain, backend="decord", start=2, end=6)
    video, time_s = open_motion(write_bvh(folder / "step.bvh", frames=20), sha256="0" * 64)
    return parts(**made, motion=_facts(video) | {"time_s": time_s})


def _shown(path: Path, **reading: Any) -> dict[str, Any]:
    video = probe(path)
    seen = list(read_frames(video, **reading))
    pictures = {
        "rgb": np.stack([f.rgb for f in seen]),
        "gray": np.stack([f.gray(32) for f in seen]),
    }
    scaled = [_planes(frame) for frame in seen]
    pictures |= {"scaled": np.stack(scaled)} if scaled[0] is not None else {}
    out = _facts(video) | {"time_s": np.array([frame.time_s for frame in seen])}
    return out | {name: value.astype(np.float32) for name, value in pictures.items()}


def _planes(frame: Frame) -> np.ndarray | None:
    if frame.to_scaled is None:
        return None
    return np.concatenate([plane.ravel() for plane in frame.to_scaled(80, 60)])


def _facts(video: Video) -> dict[str, Any]:
    facts = dataclasses.asdict(video)
    return {k: v for k, v in facts.items() if k not in ("path", "sha256", "size_bytes")}


def _tracks() -> dict[str, Track]:
    """A hand, the arm that follows it, another labeler, a column, facts, and kept stretches."""
    hand = seen_hand(noise_m=0.001)
    time_s = np.arange(NUM) / 30
    joints = np.stack([np.sin(2 * time_s), np.cos(3 * time_s), 50 + 40 * np.sin(time_s)], axis=1)
    joints[25:27] = np.nan
    valid = np.isfinite(joints).all(axis=1) & (np.arange(NUM) % 17 > 1)
    contract = ActionContract(
        robot="two_link",
        dimensions=(
            *(Dimension(name=f"two_link_j{k}.pos", quantity="joint", unit="rad") for k in (1, 2)),
            Dimension(name="gripper.pos", quantity="gripper", unit="percent", lower=0, upper=100),
        ),
        gripper=GripperContract(max_opening_m=0.08),
        rate_hz=30,
        shift_s=0,
    )
    pose = np.stack([np.sin(time_s + k) for k in range(6)], axis=1)
    actions = ActionTrack(
        labeler="arm",
        subject="right",
        contract=contract,
        values=joints,
        valid=valid,
        confidence=np.where(valid, 0.9 - 0.2 * np.abs(np.sin(time_s)), 0.0),
        reason=np.where(valid, 0, 3).astype(np.uint8),
        ee_values=np.concatenate([pose, joints[:, 2:]], axis=1),
        target_error_m=np.where(valid, 0.001 + 0.001 * np.sin(time_s) ** 2, np.nan),
        target_error_rad=np.full(NUM, 0.02),
        T_camera_base=np.eye(4),
    )
    other = actions.replace(labeler="other", values=joints + 0.1)
    tracks: dict[str, Track] = {
        "hands.right": hand,
        "camera": CAMERA,
        "actions.arm.right": actions,
        "actions.other.right": other,
        "features.speed.right": FeatureTrack(
            "track.speed", "right", np.sin(time_s)[:, None], ("speed",), "m/s", "A speed."
        ),
        "quality.arm.right": QualityTrack("right", {"hand_scale": 1.05, "steps": 3}),
    }
    tracks |= run_clip_stage("retarget.gripper", clip_of(NUM), tracks)
    chosen = {name: tracks[name] for name in ("actions.arm.right", "actions.other.right")}
    return tracks | run_clip_stage(
        "curate", clip_of(NUM), chosen, min_episode_s=0.3, min_frame_confidence=0.75
    )


def episodes(folder: Path) -> dict[str, Any]:
    forms: dict[str, dict[str, Any]] = {
        "joints": {},
        "ee": {"action": "ee", "fps": 20, "shift_frames": 2},
        "state": {"state": ("track.hand.wrist", "track.speed"), "fps": 25},
    }
    made = {}
    for name, form in forms.items():
        found = build_episodes(
            clip_of(NUM), _tracks(), labeler="arm", export=ExportSection(**form), task="move it"
        )
        made[name] = {str(number): episode for number, episode in enumerate(found)}
    return parts(**made)


def pictures(folder: Path) -> dict[str, Any]:
    video = probe(write_video(folder / "plain.mp4", frames=NUM, **LOSSLESS))
    export = ExportSection(width=80, height=80, fps=20)
    built = build_episodes(
        clip_of(NUM, size=(96, 64)), _tracks(), labeler="arm", export=export, task="move it"
    )
    store = Store(folder)
    keys = render_episodes(
        built, video, export=export, backend="auto", store=store, key="00", progress=lambda k: None
    )
    out: dict[str, Any] = {}
    for number, key in enumerate(keys):
        stored = open_episode(store.path(key, ""))
        shown = list(read_frames(probe(stored.video_path)))
        out[f"{number}"] = {
            "facts": stored.header["video"],
            "time_s": np.array([frame.time_s for frame in shown]),
            "picture": np.stack([frame.rgb for frame in shown]).astype(np.float32),
            "columns": sorted(stored.header["features"]),
            "rows": stored.load().source_frame,
        }
    return out


CASES = {
    "frames": Case(frames, 1e-3, "colors may be a level apart: conversion uses what a CPU has"),
    "episodes": Case(episodes, 1e-6, "columns are single precision"),
    "episodes@pictures": Case(pictures, 1e-2, "H.264 loses what another build of it keeps"),
}
