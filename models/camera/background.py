"""Which followed points belong to the background: not on hands, on people, or beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.camera.point_follower import GRID, cell_of
from rotoscope.pipeline.geometry import hand_frame, pinhole
from rotoscope.pipeline.tracks import (
    BodyTrack,
    Camera,
    HandTrack,
    PictureTrack,
    PointTracks,
    Track,
)

HAND_MARGIN_PALMS = 0.8
"""Points nearer to a landmark of a hand than this move with it [palm lengths in the picture]: the
rim of the hand, and what it holds as far as anyone can say without looking for the thing."""
FOREARM_PALMS = 3.0
"""How far the forearm reaches beyond the wrist, away from the knuckles [palm lengths]: that of an
adult is 2.8 (Gordon et al. 2014, ANSUR II: 267 mm from elbow to wrist, a palm of 89 mm)."""
BODY_MARGIN_TORSOS = 0.35
"""The same of a body's limbs [width or a third of the height of the trunk, what is more]."""
BAR_MARGIN_PX = 10.0
"""Points nearer to a black bar than this follow its edge [px of the small picture]."""
MIN_POINTS = 20
"""Fewer points that two frames share say nothing about the camera."""
MIN_CELLS = 5
"""Nor do points in fewer of the picture's 16 cells, as where a person fills the picture."""
MIN_TRUSTED_POINTS, MIN_TRUSTED_CELLS = 10, 4
"""The same of points that are known to agree with each other: there are fewer of them."""
TRUST_POWER = 3
"""Points count as the power of their trust: one that agreed in half of the frames for an eighth."""
MIN_TRUST = 0.5
MIN_LIFE_FRAMES = 10
"""A point that lasts for fewer frames has not shown whether it moves as the camera says."""
EXPLAINED_PX = 1.0
"""A point whose direction or place wanders by less [px, root mean square] is explained."""
MIN_COLUMNS, MIN_ROWS = 4, 3
"""Of the picture's 4 columns and 4 rows of cells, what a camera's motion must be seen in. A thing
of half the picture's width that is waved before a plain wall reaches three columns."""
MAX_BRIDGE_FRAMES = 15
"""A hand that is not seen for up to twice so many frames is taken to be on the line between."""
_ALONG = np.linspace(0.0, 1.0, 4)
_LIMBS = ((11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (11, 24), (12, 23))
_LEGS = ((23, 25), (25, 27), (24, 26), (26, 28))
_HEAD = (0, 7, 8)


@dataclass(frozen=True, eq=False)
class Background:
    """Points of the background, in pixels of the small picture in which they were followed."""

    points_px: Float[np.ndarray, "time slot 2"]
    """Where they are seen [px of the small picture]."""
    rays: Float[np.ndarray, "time slot 2"]
    """The same as (x / z, y / z), lens distortion taken out."""
    ids: Int[np.ndarray, "time slot"]
    """Which point a slot holds; -1 for none that belongs to the background."""
    focal_px: float
    """Focal length [px of the small picture]."""
    shape: tuple[int, int]
    """Height and width of the small picture [px]."""
    trust: Float[np.ndarray, " id"] | None = None
    """How far each point is known to belong to the background, by id; see `trust.find_trust`."""

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return len(self.ids)

    def held(self, frame: int) -> Int[np.ndarray, " point"]:
        """Slots that hold a point in a frame."""
        return np.flatnonzero(self.ids[frame] >= 0)

    def keep(self, wanted: Bool[np.ndarray, " id"]) -> Background:
        """Of all points those that are wanted."""
        is_kept = (self.ids >= 0) & np.append(wanted, False)[self.ids]
        return replace(self, ids=np.where(is_kept, self.ids, -1))

    def trusting(self, trust: Float[np.ndarray, " id"]) -> Background:
        """The points that can be trusted, each counting for as much as it is."""
        return replace(self.keep(trust > MIN_TRUST), trust=trust)

    def share_of(self, wanted: Bool[np.ndarray, " id"]) -> float:
        """How much of the background some of its points are, each counting for as long as it lasts.

        Points that last too short to show anything are left out.
        """
        life = np.bincount(self.ids[self.ids >= 0], minlength=len(wanted))
        life = np.where(life >= MIN_LIFE_FRAMES, life, 0)
        return float(life[wanted].sum() / max(1, life.sum()))

    def shared(self, first: int, second: int) -> Int[np.ndarray, " point"]:
        """Slots that hold the same point in two frames."""
        held = (self.ids[first] >= 0) & (self.ids[first] == self.ids[second])
        return np.flatnonzero(held)

    def num_cells(self, frame: int, slots: Int[np.ndarray, " point"]) -> int:
        """Cells of the picture that hold any of the points."""
        return len(np.unique(cell_of(self.points_px[frame, slots], self.shape)))

    def shares(self, frame: int, slots: Int[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
        """How much each point counts where every cell of the picture is to count alike.

        Something in front that has more corners than the background is seen in fewer cells.
        """
        cells = cell_of(self.points_px[frame, slots], self.shape)
        share = 1.0 / np.bincount(cells)[cells]
        if self.trust is not None:
            share = share * self.trust[self.ids[frame, slots]] ** TRUST_POWER
        return np.asarray(share)

    def is_spread(self, frame: int, slots: Int[np.ndarray, " point"]) -> bool:
        """Whether points lie in so much of the picture that they can be no thing in front of it."""
        cells = cell_of(self.points_px[frame, slots], self.shape)
        num_columns, num_rows = len(np.unique(cells % GRID)), len(np.unique(cells // GRID))
        return num_columns >= MIN_COLUMNS and num_rows >= MIN_ROWS

    def is_comparable(self, first: int, second: int) -> bool:
        """Whether two frames share enough points, in enough cells, to say what the camera did."""
        slots = self.shared(first, second)
        least, least_cells = MIN_POINTS, MIN_CELLS
        if self.trust is not None:
            least, least_cells = MIN_TRUSTED_POINTS, MIN_TRUSTED_CELLS
        return len(slots) >= least and self.num_cells(second, slots) >= least_cells

    def first_comparable(self) -> int | None:
        """The first frame that can be compared with the next, `None` where there is none."""
        pairs = range(self.num_frames - 1)
        return next((t for t in pairs if self.is_comparable(t, t + 1)), None)


def find_background(points: PointTracks, camera: Camera, tracks: Mapping[str, Track]) -> Background:
    """The points that are on nobody and near nobody, frame by frame."""
    near = np.zeros(points.ids.shape, bool)
    for track in tracks.values():
        if isinstance(track, HandTrack):
            near |= _near(points.points_px, *_hand_outline(track))
        elif isinstance(track, BodyTrack) and track.landmarks_px is not None:
            near |= _near(points.points_px, *_body_outline(track.landmarks_px))
    seen = points.points_px.astype(np.float64)
    picture = tracks.get("picture")
    if isinstance(picture, PictureTrack):
        # The edges of black bars stand still whatever the camera does.
        near |= _beyond_the_picture(seen, picture, camera, BAR_MARGIN_PX * points.pixel_px)
    return Background(
        points_px=seen / points.pixel_px,
        rays=pinhole.rays(seen, camera.K, camera.distortion, camera.fisheye),
        ids=np.where(near, -1, points.ids),
        focal_px=float(np.sqrt(camera.K[0, 0] * camera.K[1, 1])) / points.pixel_px,
        shape=(round(camera.height / points.pixel_px), round(camera.width / points.pixel_px)),
    )


def _beyond_the_picture(
    points_px: Float[np.ndarray, "time slot 2"],
    picture: PictureTrack,
    camera: Camera,
    margin_px: float,
) -> Bool[np.ndarray, "time slot"]:
    """Points in a black bar or near its edge; none where the picture fills the frame."""
    low, high = picture.inner_px[:2], picture.inner_px[2:]
    size = np.array([camera.width, camera.height])
    low = np.where(low > 0, low + margin_px, -np.inf)
    high = np.where(high < size, high - margin_px, np.inf)
    with np.errstate(invalid="ignore"):  # empty slots are NaN
        outside = (points_px < low) | (points_px > high)
    return np.asarray(outside.any(axis=2))


def _near(
    points_px: Float[np.ndarray, "time slot 2"],
    outline_px: Float[np.ndarray, "time mark 2"],
    margin_px: Float[np.ndarray, " time"],
) -> Bool[np.ndarray, "time slot"]:
    """Points within a margin of any mark; none in frames without marks."""
    out = np.zeros(points_px.shape[:2], bool)
    for t in np.flatnonzero(np.isfinite(margin_px)):
        away = points_px[t][:, None] - outline_px[t][None]
        squared = np.einsum("smx,smx->sm", away, away)
        with np.errstate(invalid="ignore"):  # empty slots and joints that are not seen are NaN
            out[t] = (squared <= margin_px[t] ** 2).any(axis=1)
    return out


def _hand_outline(
    hand: HandTrack,
) -> tuple[Float[np.ndarray, "time mark 2"], Float[np.ndarray, " time"]]:
    """Landmarks and points along the forearm, and the margin around them [px]."""
    marks = _bridged(hand.landmarks_px)
    wrist, middle = marks[:, hand_frame.WRIST], marks[:, hand_frame.MIDDLE_MCP]
    across = np.linalg.norm(marks[:, hand_frame.INDEX_MCP] - marks[:, 17], axis=1)
    # Seen end on the palm is short but as wide as ever; it is 1.2 times as long as wide.
    palm_px = np.maximum(np.linalg.norm(middle - wrist, axis=1), 1.2 * across)
    away = wrist - middle
    direction = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    steps = np.linspace(0.5, FOREARM_PALMS, 6)
    forearm = wrist[:, None] + direction[:, None] * (palm_px[:, None] * steps)[..., None]
    return np.concatenate([marks, forearm], axis=1), HAND_MARGIN_PALMS * palm_px


def _body_outline(
    landmarks_px: Float[np.ndarray, "time 33 2"],
) -> tuple[Float[np.ndarray, "time mark 2"], Float[np.ndarray, " time"]]:
    """Points along limbs, trunk and head, and the margin around them [px]."""
    marks = _bridged(landmarks_px)
    lines = [
        marks[:, a, None] + (marks[:, b] - marks[:, a])[:, None] * _ALONG[:, None]
        for a, b in (*_LIMBS, *_LEGS)
    ]
    width = np.linalg.norm(marks[:, 11] - marks[:, 12], axis=1)
    height = np.linalg.norm(marks[:, 11] - marks[:, 23], axis=1)
    size_px = np.maximum(width, 0.7 * height)
    return np.concatenate([*lines, marks[:, _HEAD]], axis=1), BODY_MARGIN_TORSOS * 2 * size_px


def _bridged(marks: Float[np.ndarray, "time mark 2"]) -> Float[np.ndarray, "time mark 2"]:
    """Landmarks with short gaps put on the line between the frames around them."""
    known = np.flatnonzero(np.isfinite(marks).all(axis=(1, 2)))
    if len(known) == 0:
        return marks
    frames = np.arange(len(marks))
    flat = marks.reshape(len(marks), -1)
    between = np.stack([np.interp(frames, known, column[known]) for column in flat.T], axis=1)
    after = np.clip(np.searchsorted(known, frames), 0, len(known) - 1)
    gap = np.minimum(
        np.abs(known[after] - frames), np.abs(frames - known[np.maximum(after - 1, 0)])
    )
    return np.where((gap <= MAX_BRIDGE_FRAMES)[:, None, None], between.reshape(marks.shape), np.nan)
