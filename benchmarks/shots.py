"""Hard cuts: the stage `shots` beside PySceneDetect's detectors on the same pictures.

Three kinds of material, made here from real clips: `joined` (stretches of different recordings in
random order: every joint is a cut), `jump` (a recording with two seconds taken out: the camera and
most of the picture stay) and `calm` (no cut at all: the recordings as they are, with flashes, with
the light switched, faded out and in, panned across, at 10 Hz with every frame shown three times).
A detected cut within one frame of a true one counts as found.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import av
import numpy as np

from benchmarks._video_clips import real_clips
from benchmarks.figure import Figure
from rotoscope.pipeline.stages.shots import Shots, ShotsConfig
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.picture import PictureMaker, plane_of
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

SIZE = (256, 192)
CLIP_FRAMES = 150
STRETCH = 45
NUM_JOINED = 60
TOLERANCE = 1
COST_REPEATS = 3
Clips = dict[str, np.ndarray]
Film = tuple[Sequence[np.ndarray], list[int]]
"""Pictures and the first frames of their later shots."""


class Detector(Protocol):
    """Sees one film, picture by picture, and then says where it is cut."""

    def see(self, index: int, image: np.ndarray) -> None:
        """Takes the next RGB picture."""

    def cuts(self, num_frames: int) -> list[int]:
        """First frames of the later shots."""


class Ours:
    """The stage `shots`."""

    def __init__(self) -> None:
        self.stage, self.maker = Shots(ShotsConfig()), PictureMaker(0)
        self.stage.begin(None)

    def see(self, index: int, image: np.ndarray) -> None:
        """Takes the next RGB picture."""
        picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame = Frame(index, index / 30, lambda: image, to_gray=partial(self.maker.luma, picture))
        self.stage.observe(frame)

    def cuts(self, num_frames: int) -> list[int]:
        """First frames of the later shots."""
        track = self.stage.finish(np.arange(num_frames) / 30)["shots"]
        return [int(k) for k in np.flatnonzero(track.cut)]


class SceneDetect:
    """One of PySceneDetect's detectors with its default thresholds, shots of 10 frames allowed."""

    def __init__(self, name: str) -> None:
        import scenedetect

        self.detector = getattr(scenedetect, name)(min_scene_len=10)
        self.timecode = partial(scenedetect.FrameTimecode, fps=30.0)
        self.found: list[int] = []

    def see(self, index: int, image: np.ndarray) -> None:
        """Takes the next RGB picture."""
        bgr = np.ascontiguousarray(image[..., ::-1])
        self._keep(self.detector.process_frame(self.timecode(index), bgr))

    def cuts(self, num_frames: int) -> list[int]:
        """First frames of the later shots."""
        self._keep(self.detector.post_process(self.timecode(num_frames - 1)))
        return self.found

    def _keep(self, cuts: list) -> None:
        self.found += [cut.frame_num for cut in cuts]


DETECTORS: dict[str, Callable[[], Detector]] = {
    "ours": Ours,
    "adaptive": partial(SceneDetect, "AdaptiveDetector"),
    "content": partial(SceneDetect, "ContentDetector"),
}


def run() -> list[Figure]:
    """Recall and precision by material and detector, and CPU a frame beyond decoding."""
    clips = _load()
    figures: list[Figure] = []
    for kind, films in {
        "joined": _joined(clips),
        "jump": _jumps(clips),
        "calm": _calm(clips),
    }.items():
        totals = {name: np.zeros(3, int) for name in DETECTORS}
        for pictures, cuts in films:
            for name, make in DETECTORS.items():
                totals[name] += _score(make(), pictures, cuts)
        for name, (hits, found, true) in totals.items():
            if true:
                figures.append(Figure(f"shots.{kind}.{name}.recall", hits / true, "1"))
                figures.append(Figure(f"shots.{kind}.{name}.precision", hits / max(found, 1), "1"))
            else:
                figures.append(Figure(f"shots.{kind}.{name}.false_cuts", float(found), "cuts"))
    return [*figures, *_cost()]


def _score(detector: Detector, pictures: Sequence[np.ndarray], cuts: list[int]) -> np.ndarray:
    """Hits, detections and true cuts."""
    for index, image in enumerate(pictures):
        detector.see(index, image)
    found = detector.cuts(len(pictures))
    hits = sum(any(abs(f - c) <= TOLERANCE for f in found) for c in cuts)
    return np.array([hits, len(found), len(cuts)])


def _load() -> Clips:
    clips = {}
    for name, path in real_clips().items():
        if name == "g1_480_av1":
            continue
        video = probe(path)
        maker = PictureMaker(0)
        images = []
        for frame in read_frames(video, end=min(CLIP_FRAMES, video.num_frames)):
            image = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24")
            images.append(maker.rgb(image.reformat(width=SIZE[0], height=SIZE[1])))
        clips[name] = np.stack(images)
    return clips


def _joined(clips: Clips) -> Iterator[Film]:
    rng = np.random.default_rng(0)
    names = sorted(clips)
    last, pieces = "", []
    for _ in range(NUM_JOINED):
        last = str(rng.choice([n for n in names if n != last]))
        start = int(rng.integers(0, len(clips[last]) - STRETCH))
        pieces.append(clips[last][start : start + STRETCH])
    for group in itertools.batched(pieces, 10):
        yield (
            [image for piece in group for image in piece],
            [STRETCH * k for k in range(1, len(group))],
        )


def _jumps(clips: Clips) -> Iterator[Film]:
    for images in clips.values():
        for cut in (20, 35, 50, 65):
            yield [*images[:cut], *images[cut + 60 : cut + 85]], [cut]


def _calm(clips: Clips) -> Iterator[Film]:
    for images in clips.values():
        for change in (_as_is, _flashes, _lights, _fade, _pan, _thrice):
            yield change(images[:90]), []


def _as_is(images: np.ndarray) -> np.ndarray:
    return images


def _flashes(images: np.ndarray) -> np.ndarray:
    out = images.astype(int)
    for start, length in ((30, 1), (60, 2)):
        out[start : start + length] = out[start : start + length] // 2 + 127
    return out.astype(np.uint8)


def _lights(images: np.ndarray) -> np.ndarray:
    return np.concatenate([images[:45], (images[45:] * 0.6).astype(np.uint8)])


def _fade(images: np.ndarray) -> np.ndarray:
    gain = np.interp(np.arange(90), [20, 40, 50, 70], [1, 0, 0, 1])[:, None, None, None]
    return (images * gain).astype(np.uint8)


def _pan(images: np.ndarray) -> np.ndarray:
    return np.stack([np.roll(image, 4 * k, axis=1) for k, image in enumerate(images)])


def _thrice(images: np.ndarray) -> np.ndarray:
    return np.repeat(images[::3], 3, axis=0)


def _cost() -> list[Figure]:
    """CPU a frame beyond decoding on a real 720p clip; PySceneDetect gets pictures 256 px wide."""
    video = probe(real_clips()["cups720"])
    bare = _ms_per_frame(lambda frame: None, video)
    stage = Shots(ShotsConfig())
    stage.begin(video)
    figures = [Figure("shots.cost.ours", _ms_per_frame(stage.observe, video) - bare, "ms")]
    for name in ("adaptive", "content"):
        detector = DETECTORS[name]()

        def see(frame: Frame, detector: Detector = detector) -> None:
            detector.see(frame.index, _small_rgb(frame))

        figures.append(Figure(f"shots.cost.{name}", _ms_per_frame(see, video) - bare, "ms"))
    return figures


def _small_rgb(frame: Frame) -> np.ndarray:
    assert frame.to_scaled is not None
    small = av.VideoFrame(SIZE[0], 144, "yuv420p")
    for index, plane in enumerate(frame.to_scaled(SIZE[0], 144)):
        plane_of(small, index)[:] = plane
    return small.to_ndarray(format="rgb24")


def _ms_per_frame(see: Callable[[Frame], None], video: Video) -> float:
    best = np.inf
    for _ in range(COST_REPEATS):
        mark = time.process_time()
        for frame in read_frames(video):
            see(frame)
        best = min(best, time.process_time() - mark)
    return 1e3 * float(best) / video.num_frames
