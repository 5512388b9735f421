"""Where a video is cut: two shots must never be tracked, smoothed or labeled as one."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import PictureTrack, ShotTrack, runs
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video import black_bars
from rotoscope.pipeline.video.black_bars import BarFinder

LUMA_WIDTH = 32
"""Pixels across the image that frames are compared by."""
CONTRAST = 40.0
"""Standard deviation that images are brought to, so that light and exposure do not count."""
MIN_CONTRAST = 8.0
"""Images with less than this count as flat: a black frame has no structure to enlarge."""
DUPLICATE_CHANGE = 0.25
"""Frames that change less are repeats of the one before, as in 10 Hz video stored at 30 Hz."""
REACH = 3
"""Frames on each side of a cut that must all differ from one another: a flash lasts less."""
NEIGHBORS = 4
"""Frames on each side that tell how much the picture changes anyway."""


FROZEN_S = 1.0
"""Pictures that stay the same to the last bit for longer are said to be frozen [s]: a sensor has
noise, so a camera that films something still repeats none, or few where the encoder copies them."""
FROZEN_WIDTH = 320
"""Pixels across the image that is compared for that, where the small ones are already equal."""
LOOK_FOR_BARS_S = 0.4
"""Time between frames that are looked at for bars [s]."""


class ShotsConfig(StageConfig):
    """Where a video is cut. The defaults suit edited video; one take needs none of them."""

    min_shot_s: float = Field(default=1.0, ge=0)
    """Shortest shot that is kept [s]; 0 keeps all."""
    max_shot_s: float = Field(default=120.0, gt=0)
    """Longer shots are divided into equal parts [s]: it bounds the memory of all later stages."""
    min_change: float = Field(default=4.0, gt=0, le=255)
    """Lasting change of brightness that a cut has beyond what the motion around it explains
    [levels of 0..255]; raise it where flashes or fast pans are taken for cuts."""
    motion_factor: float = Field(default=2.0, ge=1)
    """Multiple of the change between neighboring frames that counts as explained by motion;
    raise it for shaky video."""


class Shots(FrameStage):
    """Finds hard cuts, and black bars around the picture.

    Frames are compared as small luma images brought to the same mean and contrast. At a cut each
    of the `REACH` frames before differs from each of the `REACH` frames after by more than
    `min_change + motion_factor * motion`, where `motion` is the second largest change from frame
    to frame nearby. A flash fails that because the picture returns, a pan or a fast hand because
    its neighbors change as much. Comparing with the neighbourhood follows PySceneDetect's
    AdaptiveDetector. Repeated frames are passed over first. Fades and dissolves are no hard cuts
    and are not looked for.
    """

    kind = "shots"
    version = "3"
    provides = ("shots", "picture")
    loosened_by: ClassVar[Mapping[str, str]] = {"too_short": "lower min_shot_s"}
    Config = ShotsConfig

    def begin(self, video: Video) -> None:
        """Forgets the video before."""
        self._num_frames = 0
        self._video, self._bars, self._look_s = video, BarFinder(), 0.0
        self._small = self._large = np.zeros((0, 0), np.uint8)
        self._repeated: list[bool] = []
        self._recent: deque[np.ndarray] = deque(maxlen=2 * REACH - 1)
        self._distinct: list[int] = []
        self._changes: list[np.ndarray] = []

    def observe(self, frame: Frame) -> None:
        """Compares a frame with the few before it; keeps some twenty bytes."""
        small = frame.gray(LUMA_WIDTH)
        self._note_repeat(frame, small)
        image = _normalized(small)
        if frame.time_s >= self._look_s:
            self._bars.observe(frame.gray(black_bars.WIDTH))
            self._look_s = frame.time_s + LOOK_FOR_BARS_S
        changes = np.full(2 * REACH - 1, np.nan, np.float32)
        if self._recent:
            differences = np.abs(np.stack(self._recent) - image).mean(axis=1)
            changes[: len(differences)] = differences[::-1]
        if not changes[0] < DUPLICATE_CHANGE:
            self._recent.append(image)
            self._distinct.append(self._num_frames)
            self._changes.append(changes)
        self._num_frames += 1

    def _note_repeat(self, frame: Frame, small: np.ndarray) -> None:
        """Whether the picture is the one before; the large ones are made only where it may be."""
        is_alike = np.array_equal(small, self._small)
        large = frame.gray(FROZEN_WIDTH) if is_alike else np.zeros((0, 0), np.uint8)
        # The first of a run of like frames has no large one to be compared with.
        self._repeated.append(
            is_alike and (not self._large.size or np.array_equal(large, self._large))
        )
        self._small, self._large = small, large

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The tracks `shots` and `picture`."""
        config = self.config
        assert isinstance(config, ShotsConfig)
        lasting, motion = _lasting_change(np.array(self._changes))
        is_cut = lasting > config.min_change + config.motion_factor * motion
        warn_of_frozen(np.array(self._repeated), time_s)
        distinct = np.array(self._distinct)
        # One frame after its last neighbor proves nothing: it could be a flash.
        is_cut &= distinct <= len(time_s) - 2
        cut, change = np.zeros(len(time_s), bool), np.zeros(len(time_s))
        cut[distinct], change[distinct] = is_cut, lasting
        return {
            "shots": ShotTrack(cut=cut, change=change),
            "picture": PictureTrack(_upright(self._bars.picture(), self._video)),
        }


def warn_of_frozen(repeated: Bool[np.ndarray, " time"], time_s: Float[np.ndarray, " time"]) -> None:
    """Warns of stretches in which one picture stands, and the clock goes on.

    Args:
        repeated: Frames whose picture is that of the frame before.
        time_s: Time of each frame [s].
    """
    spans = [(a - 1, b) for a, b in runs(repeated) if a > 0]
    long = [(a, b) for a, b in spans if time_s[b - 1] - time_s[a] > FROZEN_S]
    # A file that is one still picture is nothing that froze.
    if long and sum(b - a for a, b in long) < len(time_s):
        start, end = long[0]
        more = f", and {len(long) - 1} more times" if len(long) > 1 else ""
        warnings.warn(
            f"the picture is frozen: frames {start} to {end} ({time_s[start]:.2f} to "
            f"{time_s[end - 1]:.2f} s) are the same{more}; what moved meanwhile was not seen, and "
            "hands that stand still there may not have",
            stacklevel=2,
        )


def shot_spans(
    cut: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    *,
    min_shot_s: float = 0.0,
    max_shot_s: float = np.inf,
) -> list[tuple[int, int]]:
    """Shots as frames `[start, end)`; shorter ones are left out, longer ones divided equally.

    A shot lasts from its first frame to the end of its last, which is shown for the median frame
    interval of the video.

    Args:
        cut: Frames at which a shot begins.
        time_s: Time of each frame [s].
        min_shot_s: Shortest shot that is kept [s].
        max_shot_s: Longest part [s].
    """
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    edges = [0, *(int(i) for i in np.flatnonzero(cut) if i > 0), len(time_s)]
    spans = []
    for start, end in pairwise(edges):
        length_s = time_s[end - 1] - time_s[start] + step_s
        # A millionth of a second forgives the rounding of sums of frame times.
        if length_s >= min_shot_s - 1e-6:
            num_parts = max(1, int(np.ceil((length_s - 1e-6) / max_shot_s)))
            inner = time_s[start] + length_s * np.arange(1, num_parts) / num_parts
            cuts = [int(i) for i in np.searchsorted(time_s, inner - 1e-6)]
            spans += list(pairwise([start, *cuts, end]))
    return spans


def _upright(edges: Float[np.ndarray, " 4"], video: Video) -> Float[np.ndarray, " 4"]:
    """Edges of the picture [px of the frame as it is shown], from shares of the stored one."""
    left, top, right, bottom = edges
    for _ in range(video.rotation_deg // 90):
        left, top, right, bottom = 1.0 - bottom, left, 1.0 - top, right
    if video.is_mirrored:
        left, right = 1.0 - right, 1.0 - left
    size = np.array([video.width, video.height, video.width, video.height], dtype=float)
    return np.array([left, top, right, bottom]) * size


def _normalized(luma: np.ndarray) -> Float[np.ndarray, " pixel"]:
    image = luma.astype(np.float32).ravel()
    image -= image.mean()
    image *= CONTRAST / max(float(image.std()), MIN_CONTRAST)
    return image


def _lasting_change(
    changes: Float[np.ndarray, "time lag"],
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, " time"]]:
    """Lasting change at each frame, and the motion around it; both 0 at the first frame.

    Args:
        changes: Change of each frame against the one `lag + 1` before it; NaN before the first.
    """
    num_frames = len(changes)
    lasting, motion = np.zeros(num_frames), np.zeros(num_frames)
    for frame in range(1, num_frames):
        after = range(frame, min(frame + REACH, num_frames))
        before = range(max(frame - REACH, 0), frame)
        lasting[frame] = min(changes[j, j - i - 1] for j in after for i in before)
        near = range(max(1, frame - NEIGHBORS), min(num_frames, frame + NEIGHBORS + 1))
        steps = sorted(changes[k, 0] for k in near if k != frame)
        motion[frame] = steps[-2] if len(steps) > 1 else sum(steps)
    return lasting, motion
