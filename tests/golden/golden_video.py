"""Goldens of the stages that look at frames: with scripted networks everywhere, with real ones
where their weights are."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from body_shapes import detection_at
from golden_case import Case, clip_of, parts, run_clip_stage, show_frames, video_of
from hand_shapes import detection as hand_at

from benchmarks.paths import shared_data
from rotoscope.models.bodies.stage import Body, BodyConfig
from rotoscope.models.colors.stage import ColorTracks, ColorTracksConfig
from rotoscope.models.faces.stage import Anonymise, AnonymiseConfig
from rotoscope.models.hands.stage import Hands, HandsConfig
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.stages.shots import Shots, ShotsConfig, shot_spans
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

SIZE = (640, 480)


def frame(index: int, level: int = 20) -> Frame:
    """A flat picture whose green says which frame it is."""
    image = np.full((SIZE[1], SIZE[0], 3), level, np.uint8)
    image[..., 1] = index
    return Frame(index, index / 30, lambda: image)


def skin(index: int) -> Frame:
    """The same, with more red than green and some grain, as skin has."""
    return Frame(index, index / 30, lambda: grain(index))


@cache
def grain(index: int) -> np.ndarray:
    """Its picture, which several scripts show: it takes longer to make than to look at."""
    image = np.random.default_rng(index).integers(0, 100, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    image[..., 0], image[..., 1] = index + 60, index
    return image


class Scripted:
    """A network that knows what is in each frame, and follows what is nearest to where it was."""

    def __init__(self, script: Sequence[Sequence[Any]]) -> None:
        self.script, self.last = script, None

    def __call__(self, rgb: np.ndarray, time_s: float | None = None) -> Any:
        if rgb.shape[:2] != (SIZE[1], SIZE[0]):  # what is shown to make it forget
            self.last = None
            return None
        index = int(np.median(rgb[..., 1])) if time_s is None else round(30 * time_s)
        there = sorted(_visible(self.script[index], rgb, index), key=self._distance)
        self.last = there[0] if there and self._distance(there[0]) < 1.5 else None
        return self.last

    def _distance(self, found: Any) -> float:
        return 0.0 if self.last is None else float(self.last.distance(found))

    def forget(self) -> None:
        self.last = None

    def close(self) -> None:
        self.last = None


class Everybody:
    """A finder that sees all of a frame who are not painted over."""

    def __init__(self, script: Sequence[Sequence[Any]]) -> None:
        self.script = script

    def __call__(self, rgb: np.ndarray) -> list[Any]:
        index = int(np.median(rgb[..., 1]))
        return _visible(self.script[index], rgb, index)

    def close(self) -> None:
        """Nothing is open."""


def _visible(there: Sequence[Any], rgb: np.ndarray, index: int) -> list[Any]:
    middles = [found.landmarks_px.mean(axis=0).astype(int) for found in there]
    return [f for f, (x, y) in zip(there, middles, strict=True) if rgb[y, x, 1] == index]


def hands(folder: Path) -> dict[str, Any]:
    return parts(**{f"{seed}": _hands(seed) for seed in range(8)})


def _hands(seed: int) -> dict[str, Any]:
    """Two hands that go about, are lost, jump, and are now and then taken for the other one."""
    rng = np.random.default_rng(seed)
    script: list[list[Any]] = [[] for _ in range(90)]
    for side, x_px in (("right", 200.0), ("left", 430.0)):
        at = np.array([x_px, 240.0])
        speed, hidden, mistaken = rng.normal(0, 2, 2), 0, 0
        for t in range(int(rng.integers(0, 25)), 90):
            speed = 0.9 * speed + rng.normal(0, 1.2, 2)
            at = np.clip(at + speed + 90 * (rng.random() < 0.02), (60, 80), (580, 400))
            hidden = max(hidden - 1, int(rng.integers(2, 20)) * (rng.random() < 0.03))
            mistaken = max(mistaken - 1, int(rng.integers(2, 15)) * (rng.random() < 0.04))
            right = rng.uniform(0.6, 0.95) if (side == "right") != bool(mistaken) else 0.2
            size = 700.0 + 300 * rng.random() * (rng.random() < 0.1)
            if not hidden:
                noise = {"noise_px": rng.uniform(0.5, 3), "rng": rng}
                facts = {"at": tuple(at), "px_per_m": size, "right_probability": right}
                script[t].append(hand_at(side=side, **facts, **noise))
    stage = Hands(HandsConfig())
    stage._landmarkers = [Scripted(script) for _ in range(3)]
    return show_frames(stage, video_of(90), [skin(t) for t in range(90)])


def body(folder: Path) -> dict[str, Any]:
    return parts(**{f"{seed}": _body(seed) for seed in range(5)})


def _body(seed: int) -> dict[str, Any]:
    """People of several colors who pass each other, go and come back; a cut."""
    rng = np.random.default_rng(seed)
    script: list[list[Any]] = [[] for _ in range(90)]
    for number, color in enumerate(((200.0, 0, 0), (20.0, 30, 200), (180.0, 30, 60))):
        start, end = sorted(rng.uniform(120, 520, 2))[:: rng.choice([-1, 1])]
        first, size = int(rng.integers(0, 40)), rng.uniform(50, 90)
        away = slice(*np.cumsum(rng.integers(8, 30, 2)) + first)
        for t in range(first if number else 0, 90):
            if not away.start <= t < away.stop:
                x = start + (end - start) * t / 90 + rng.normal(0, 1.5)
                rgb = tuple(np.array(color) + rng.normal(0, 8, 3))
                found = detection_at(x, 245 + rng.normal(0, 1.5), size_px=size + t / 9, rgb=rgb)
                script[t].append(found)
    stage = Body(BodyConfig(num_people=2))
    stage._landmarkers = [Scripted(script), Scripted(script)]
    stage._finder = Everybody(script)
    frames = [frame(t, 20 if t < 65 else 90) for t in range(90)]
    return show_frames(stage, video_of(90), frames)


def hands_network(folder: Path) -> dict[str, Any]:
    stage = Hands(HandsConfig())
    return _see(stage, asset_path("cup.mp4"), 12)


def body_network(folder: Path) -> dict[str, Any]:
    data = shared_data()
    if data is None:
        raise AssetError("the shared folder of real recordings is absent (ROTOSCOPE_SHARED_DATA)")
    return _see(Body(BodyConfig()), data / "tfjs_pose_regression" / "pose_squats.mp4", 8)


def _see(stage: Any, path: Path, num_frames: int) -> dict[str, Any]:
    video = probe(path)
    stage.setup()
    try:
        return show_frames(stage, video, list(itertools.islice(read_frames(video), num_frames)))
    finally:
        stage.close()


def shots(folder: Path) -> dict[str, Any]:
    """Scenes that are still and flash, pan, repeat frames, are nearly black, or pause."""
    rng = np.random.default_rng(0)
    images, times_s = [], []
    for scene in range(12):
        low, high = (30, 220) if scene % 5 else (20, 32)
        wide = np.kron(rng.uniform(low, high, (6, 40)), np.ones((4, 12)))
        for k in range(25):
            start = int((0.0, 1.4, 0.3, 4.0)[scene % 4] * k)
            image = wide[:, start : start + 32] + rng.normal(0, 1.5, (24, 32))
            image += 120 if scene == 4 and k == 10 else 0
            is_repeated = scene % 3 == 2 and k % 3
            images.append(images[-1] if is_repeated else np.clip(image, 0, 255).astype(np.uint8))
            times_s.append(len(times_s) / 30 + (1.5 if scene >= 10 and k >= 10 else 0))
    frames = [
        Frame(k, times_s[k], lambda: np.zeros((1, 1, 3), np.uint8), lambda width, k=k: images[k])
        for k in range(len(images))
    ]
    made = show_frames(Shots(ShotsConfig()), video_of(len(frames)), frames)
    spans = shot_spans(made["shots"].cut, np.array(times_s), min_shot_s=0.8, max_shot_s=1.2)
    return made | {"spans": spans}


def colors(folder: Path) -> dict[str, Any]:
    """A red disc that goes round a blue one, hides at times, and has red rivals of all sizes."""
    rows, columns = np.mgrid[:120, :160] + 0.5
    rng, frames = np.random.default_rng(6), []
    for t in range(60):
        image = np.full((120, 160, 3), 110.0)
        discs = [(80.0, 60.0, 7.0, (40, 60, 210))]
        if t % 20 not in (13, 14, 15, 16):
            discs += [(80 + 45 * np.cos(t / 9), 60 + 30 * np.sin(t / 9), 4.5, (220, 30, 30))]
        if rng.random() < 0.4:
            x, y = rng.uniform(20, 100, 2)
            discs += [(x, y, rng.uniform(2, 6), (200, 40, 50))]
        for x, y, radius, rgb in discs:
            share = np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
            image = share * rgb + (1 - share) * image
        picture = np.rint(image + rng.normal(0, 2, image.shape)).clip(0, 255).astype(np.uint8)
        frames.append(Frame(t, t / 30, lambda picture=picture: picture))
    things = {"red": {"rgb": (220, 30, 30)}, "blue": {"rgb": (40, 60, 210)}}
    stage = ColorTracks(ColorTracksConfig(things=things, max_width_px=140))
    stage.setup()
    return show_frames(stage, video_of(60, size=(160, 120)), frames)


def anonymise(folder: Path) -> dict[str, Any]:
    """A face that moves, is missed twice and is joined by another."""
    seen = {
        n: np.array([[40.0 + 2 * n, 20, 60 + 2 * n, 50], [300, 200, 330, 240]][: 1 + (n > 30)])
        for n in range(60)
    }
    for missed in (10, 15):
        seen[missed] = np.zeros((0, 4))
    stage = Anonymise(AnonymiseConfig())
    stage._detect = lambda rgb: seen[int(rgb[0, 0, 1])]  # type: ignore[assignment]
    return show_frames(stage, video_of(60), [frame(n) for n in range(60)])


def camera(folder: Path) -> dict[str, Any]:
    phone = clip_of(3, size=(1920, 1080))
    known = replace(phone, video=replace(video_of(3, size=(720, 1280)), focal_px=1100.0))
    return parts(
        assumed=run_clip_stage("camera", phone, {}),
        metadata=run_clip_stage("camera", known, {}),
        fov=run_clip_stage("camera", phone, {}, horizontal_fov_deg=70.0),
        given=run_clip_stage("camera", phone, {}, fx=1500.0, cy=500.0, distortion=(0.1, 0, 0, 0)),
    )


CASES = {
    "shots": Case(shots, 1e-6, "single precision"),
    "hands": Case(hands, 1e-9, "plain arithmetic on scripted detections"),
    "body": Case(body, 1e-9, "plain arithmetic on scripted detections"),
    "hands@network": Case(hands_network, 1e-3, "networks in single precision; crops follow them"),
    "body@network": Case(body_network, 1e-3, "networks in single precision; crops follow them"),
    "anonymise": Case(anonymise, 1e-5, "boxes in single precision"),
    "track.colour": Case(colors, 1e-5, "OpenCV shrinks and turns colors in single precision"),
    "camera": Case(camera, 1e-9, "plain arithmetic"),
}
