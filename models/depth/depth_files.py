"""`NAME.depth/` beside a video: one 16-bit picture a frame, registered to the color picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.image_folder import frame_files
from rotoscope.pipeline.video.scan import DEPTH_ENDING


def depth_folder(video: Path) -> Path | None:
    """The folder of a video's depth, `None` where there is none."""
    stem = video.name if video.is_dir() else video.stem
    place = video.with_name(f"{stem}{DEPTH_ENDING}")
    if not place.is_dir():
        return None
    return beside(video, place.name, what="the depth", error=UnreasonableVideoError)


def depth_files(video: Path) -> tuple[Path, ...]:
    """Its pictures in the order of their numbers; none where there is no folder.

    Raises:
        NotAVideoError: They are not numbered without a gap.
    """
    folder = depth_folder(video)
    return () if folder is None else frame_files(folder)


class DepthFiles:
    """Depth of every frame of a video."""

    def __init__(self, video: Video, meters_per_unit: float) -> None:
        """Finds the pictures.

        Raises:
            UnreasonableVideoError: There are none, or not one for each frame.
        """
        files = depth_files(video.path)
        shown = display_name(video.path.name)
        if not files:
            raise UnreasonableVideoError(
                f"{shown} has no folder {video.path.stem}.depth beside it; it holds one 16-bit PNG "
                "for each frame, registered to the color picture"
            )
        if len(files) != video.num_frames:
            raise UnreasonableVideoError(
                f"{shown} has {video.num_frames} frames and {len(files)} pictures of depth; one "
                "for each frame is wanted"
            )
        self._files, self._video, self._unit_m = files, video, meters_per_unit

    def read(self, frame: int) -> Float[np.ndarray, "height width"]:
        """Distance along the camera's axis [m], in the depth picture's own pixels; NaN unknown.

        Raises:
            DamagedVideoError: The picture cannot be read.
            UnreasonableVideoError: It is not of one channel of 16 bits.
        """
        file = self._files[frame]
        try:
            with Image.open(file) as image:
                values = np.asarray(image)
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
            raise DamagedVideoError(f"{file.parent.name}/{file.name}: {error}") from error
        if values.ndim != 2 or values.dtype.itemsize < 2:
            raise UnreasonableVideoError(
                f"{file.parent.name}/{file.name} holds {values.dtype} of shape {values.shape}; "
                "depth is one channel of 16 bits"
            )
        depth_m = values.astype(float) * self._unit_m
        return np.where(depth_m > 0, depth_m, np.nan)
