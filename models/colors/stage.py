"""Stage `track.colour`: where things of one color each are, frame by frame.

For marked objects (colored tape, balls, bricks) and simulators, not for the world as it is: a
thing is told from everything else by its hue alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field, field_validator

from rotoscope.models.colors.paths import Blob, most_likely_path
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import SCENE, FeatureTrack
from rotoscope.pipeline.types import Frame, Video

_MIN_SAMPLE_CHROMA = 0.25
_NUM_CANDIDATES = 4
"""Blobs that are kept of a frame and color until the whole path is known."""


class ColorConfig(BaseModel):
    """One thing and what it looks like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rgb: tuple[int, int, int]
    """Its color in a picture, 0..255 each; only the hue counts, so light and shade may differ."""
    tolerance_deg: float = Field(default=20.0, gt=0, le=90)
    """Pixels whose hue is further off do not belong to it [deg]; those in between count less."""
    min_chroma: float = Field(default=0.2, gt=0, lt=1)
    """Least difference between a pixel's largest and smallest of red, green, blue, 0..1. Hue means
    nothing in gray, white and black."""

    @field_validator("rgb")
    @classmethod
    def _has_a_hue(cls, rgb: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(0 <= value <= 255 for value in rgb):
            raise ValueError(f"rgb must be 0..255 each, got {list(rgb)}")
        if (max(rgb) - min(rgb)) / 255 < _MIN_SAMPLE_CHROMA:
            raise ValueError(
                f"rgb {list(rgb)} is nearly gray and has no hue to go by; mark the thing with a "
                "strong color"
            )
        return rgb

    @property
    def hue_deg(self) -> float:
        """Hue of the sample, 0..360 [deg]."""
        high, low = max(self.rgb), min(self.rgb)
        red, green, blue = self.rgb
        if high == red:
            sixths = (green - blue) / (high - low) % 6
        elif high == green:
            sixths = (blue - red) / (high - low) + 2
        else:
            sixths = (red - green) / (high - low) + 4
        return 60.0 * sixths


class ColorTracksConfig(StageConfig):
    """What to follow."""

    things: dict[str, ColorConfig] = Field(min_length=1)
    """Each thing by its name in `track.colour.<name>`."""
    max_width_px: int = Field(default=640, ge=16)
    """Wider pictures are shrunk to this before anything is looked for [px]."""
    min_area_px: float = Field(default=3.0, gt=0)
    """Smaller blobs are noise [px of the shrunk picture]."""
    max_speed: float = Field(default=4.0, gt=0)
    """Fastest motion that is not a jump to something else [picture widths / s]."""


class ColorTracks(FrameStage):
    """Follows colored things; provides `features.colour.<name>`, feature `track.colour.<name>`.

    A pixel counts by its chroma, less the further its hue is off: at an edge, where the thing fills
    half a pixel, chroma is half, so that the weighted centroid is good to a fraction of a pixel.
    Of every frame the largest connected blobs are kept; which of them is the thing is decided over
    the whole video (see `rotoscope.models.colors.paths`), so that something else of that color
    that comes and goes does not take its place. Where nothing is found values are NaN.
    """

    kind = "track.colour"
    version = "3"
    provides = ("features",)
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    preload: ClassVar[tuple[str, ...]] = ("cv2",)
    Config: ClassVar[type[StageConfig]] = ColorTracksConfig
    config: ColorTracksConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def begin(self, video: Video) -> None:
        """Starts a new video."""
        self._blobs: dict[str, list[list[Blob]]] = {name: [] for name in self.config.things}

    def observe(self, frame: Frame) -> None:
        """Keeps the few largest blobs of each color."""
        hue, chroma, scale = hue_and_chroma(frame.rgb, self.config.max_width_px)
        for name, color in self.config.things.items():
            weights = color_weights(hue, chroma, color)
            self._blobs[name].append(
                find_blobs(weights, scale, min_area_px=self.config.min_area_px)
            )

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """One track a thing."""
        return {
            f"features.colour.{name}": FeatureTrack(
                feature=f"track.colour.{name}",
                subject=SCENE,
                values=most_likely_path(time_s, blobs, max_speed=self.config.max_speed),
                names=Blob._fields,
                unit="1",
                description=(
                    f"Center of {name} from the picture's left and top edge, root of its area and "
                    "spread, all as shares of the picture's width; then how it leans, -1..1."
                ),
            )
            for name, blobs in self._blobs.items()
        }


def hue_and_chroma(
    rgb: UInt8[np.ndarray, "height width 3"], max_width_px: int
) -> tuple[Any, Any, float]:
    """Hue [deg] and chroma (0..1) of every pixel of a picture, and one over its width [px]."""
    import cv2

    height, width = rgb.shape[:2]
    if width > max_width_px:
        size = (max_width_px, max(1, round(height * max_width_px / width)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
        width = max_width_px
    # OpenCV's float version has hue to a fraction of a degree; the 8-bit one has steps of two.
    hsv = cv2.cvtColor(rgb.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2HSV)
    return hsv[..., 0], hsv[..., 1] * hsv[..., 2], 1.0 / width


def color_weights(
    hue: Float[np.ndarray, "height width"],
    chroma: Float[np.ndarray, "height width"],
    color: ColorConfig,
) -> Float[np.ndarray, "height width"]:
    """How much each pixel belongs to a color: 0, or its chroma times how near its hue is."""
    off = np.abs((hue - np.float32(color.hue_deg) + 180) % 360 - 180)
    weights = chroma * np.clip(2 - off * np.float32(2 / color.tolerance_deg), 0, 1)
    return np.asarray(np.where(chroma >= color.min_chroma, weights, np.float32(0)))


def find_blobs(
    weights: Float[np.ndarray, "height width"], scale: float, *, min_area_px: float
) -> list[Blob]:
    """The largest connected blobs of a picture, positions and sizes times `scale`."""
    import cv2

    mask = (weights > 0).view(np.uint8)
    if not mask.any():
        return []
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[:_NUM_CANDIDATES]
    found = []
    for label in order + 1:
        x, y, width, height, area = (int(v) for v in stats[label])
        if area >= min_area_px:
            box = np.s_[y : y + height, x : x + width]
            weight = np.where(labels[box] == label, weights[box], 0)
            found.append(_blob(weight, x, y, scale))
    return found


def _blob(weight: np.ndarray, left: int, top: int, scale: float) -> Blob:
    share = weight / weight.sum()
    across, down = share.sum(0), share.sum(1)
    x = left + 0.5 + np.arange(weight.shape[1])
    y = top + 0.5 + np.arange(weight.shape[0])
    center_x, center_y = float(across @ x), float(down @ y)
    # A pixel's own extent is added: what is one pixel thin has a spread too.
    spread_x = float(np.sqrt(across @ (x - center_x) ** 2 + 1 / 12))
    spread_y = float(np.sqrt(down @ (y - center_y) ** 2 + 1 / 12))
    lean = float((y - center_y) @ share @ (x - center_x)) / (spread_x * spread_y)
    # The strongest pixels are filled by the thing altogether: in units of theirs the sum is area.
    full = float(np.quantile(weight[weight > 0], 0.9))
    size = float(np.sqrt(weight.sum() / full))
    return Blob(
        center_x * scale, center_y * scale, size * scale, spread_x * scale, spread_y * scale, lean
    )
