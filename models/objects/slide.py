"""How far a resting thing may slide along its epipolar line, as far as its depth is not known."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.objects.resting import Resting

SIGMA_MATCH_PX = 0.3
"""1-sigma of where a picture of it is found [small px]."""
_SMALL = 1e-3


class Slide:
    """A thing at rest in one picture, and what others say of how near it is.

    Every picture in which it rests makes its depth surer, and with it where it must be in the next
    if it rests there too.
    """

    def __init__(self, resting: Resting, frame: int) -> None:
        """Begins with what pictures without a hand tell of where it rests in a frame."""
        self._path, self._frame, self._point = resting.path, frame, resting.point[frame]
        self._information, self._told = float(resting.sigma[frame]) ** -2, 0.0

    def homography(self, t: int) -> Float[np.ndarray, "3 3"]:
        """Where its pixels are in another picture, if it is as near as it was taken to be."""
        return self._path.homography(self._frame, t, self._point)

    def expected(self, t: int) -> Float[np.ndarray, " 2"]:
        """How far from there it is by what is known now [px of its own picture]."""
        return self._along(t) * self._told / self._information

    def left_px(self, t: int, off: Float[np.ndarray, " 2"]) -> float:
        """How far it is from all places at which it may be at rest, 2 sigma, if it is found `off`.

        What goes along its own epipolar line cannot be told from what is nearer than it was taken
        to be, as far as its depth is not known.
        """
        way, line = off - self.expected(t), self._along(t)
        long = float(np.linalg.norm(line))
        if long < 1e-9:
            return float(np.linalg.norm(way))
        along, across = (line @ way) / long, (line[0] * way[1] - line[1] * way[0]) / long
        slack = 2.0 * long / np.sqrt(self._information)
        return float(np.hypot(across, max(abs(along) - slack, 0.0)))

    def rested(self, t: int, off: Float[np.ndarray, " 2"]) -> None:
        """Learns from a picture in which it rests."""
        line = self._along(t) / SIGMA_MATCH_PX
        self._information += float(line @ line)
        self._told += float(line @ off) / SIGMA_MATCH_PX

    def _along(self, t: int) -> Float[np.ndarray, " 2"]:
        """How much farther it is for every share by which it is nearer [px of its own picture]."""
        pose = self._path.T_camera_reference[self._frame]
        in_camera = pose[:3, :3] @ self._point + pose[:3, 3]
        nearer = pose[:3, :3].T @ (in_camera / (1.0 + _SMALL) - pose[:3, 3])
        back = np.linalg.inv(self.homography(t))
        at = np.append(self._path.seen(t, nearer), 1.0)
        found = back @ at
        here = self._path.seen(self._frame, self._point)
        return np.asarray((found[:2] / found[2] - here) / _SMALL)
