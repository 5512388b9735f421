"""Frames of a short video, kept from the pass that decodes it for those who look again.

Decoding is done once more for every stage that goes back to the pictures, and for the episodes that
are written. Where all decoded frames fit into a share of the memory that a child may use they are
kept as the decoder gave them, which copies nothing; a long video is decoded again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from rotoscope.pipeline.types import Frame

SHARE = 0.25
"""Of a child's memory limit. A child of `hand-gripper` needs .4 GiB of its 2 beside them."""


class KeptFrames:
    """All frames of a video, or none of them.

    Args:
        most_bytes: What they may take together.
        num_frames: Frames that are going to come.
    """

    def __init__(self, most_bytes: float, num_frames: int) -> None:
        self._most_bytes, self._num_frames = most_bytes, num_frames
        self._frames: dict[int, Frame] | None = {}

    def take(self, frame: Frame) -> None:
        """Keeps a frame, without the pictures that were made of it."""
        if self._frames is None:
            return
        if frame.num_bytes is None or frame.num_bytes * self._num_frames > self._most_bytes:
            self._frames = None
            return
        self._frames[frame.index] = replace(frame, _cache={})

    @property
    def frames(self) -> Mapping[int, Frame]:
        """By place in the video."""
        return MappingProxyType(self._frames or {})
