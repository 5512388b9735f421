"""All frames of a dataset decoded once, kept as plain bytes on disk.

LeRobot's loader seeks and decodes a video frame for every sample of every epoch. A frame of 96
pixels a side is 27 kB: read from a memory map it costs next to nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.training.pictures import shrink
from rotoscope.pipeline.datasets.read import Dataset, read_images
from rotoscope.pipeline.errors import DatasetError, DiskFullError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.files.paths import files_below


def episode_pictures(
    dataset: Dataset, row: int, camera: str
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """What a camera saw in the episode of a row of the dataset's table, a picture a row.

    Raises:
        DatasetError: The video is not there, cannot be decoded, or is too short.
    """
    file = dataset.video_file(camera, row)
    if not file.is_file():
        raise DatasetError(f"camera {camera!r}: {file} is not there; copy the dataset whole")
    rows = dataset.episode(row)
    start_s = float(dataset.table[row][f"videos/{camera}/from_timestamp"])
    here = dataclasses.replace(rows, video_file=file, video_start_s=start_s)
    yield from read_images(here, range(rows.num_rows), dataset.fps)


def open_frames(
    dataset: Dataset, camera: str, *, side_px: int | None, folder: Path | None = None
) -> UInt8[np.ndarray, "row 3 height width"]:
    """A camera's pictures, one per row of the dataset; decoded the first time.

    Args:
        dataset: Whose.
        camera: Feature name, such as `observation.images.front`.
        side_px: Side of the square they are shrunk to; as they are where `None`.
        folder: Where they are kept; the user's cache where `None`.

    Raises:
        DatasetError: A video is missing or too short.
        DiskFullError: They would not fit on the disk.
    """
    path = (folder or _cache()) / f"{_key(dataset, camera, side_px)}.npy"
    if not path.is_file():
        height, width = dataset.info["features"][camera]["shape"][:2]
        size = (side_px, side_px) if side_px else (height, width)
        shape = (int(dataset.info["total_frames"]), 3, *size)
        _check_space(path.parent, int(np.prod(shape)), camera)
        with atomic_path(path) as temporary:
            out: np.memmap = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
                temporary, mode="w+", dtype=np.uint8, shape=shape
            )
            _decode(dataset, camera, side_px, out)
            out.flush()
    found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _decode(dataset: Dataset, camera: str, side_px: int | None, out: np.ndarray) -> None:
    row = 0
    for index in range(len(dataset.table)):
        for image in episode_pictures(dataset, index, camera):
            small = image if side_px is None else shrink(image, side_px)
            out[row] = small.transpose(2, 0, 1)
            row += 1


def _check_space(folder: Path, num_bytes: int, camera: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if num_bytes > 0.8 * free:
        raise DiskFullError(
            f"the frames of {camera} take {num_bytes / 2**30:.1f} GiB, {folder} has "
            f"{free / 2**30:.1f} GiB left; shrink them with image_size=96, or set loader=lerobot, "
            "which decodes them again and again"
        )


def _key(dataset: Dataset, camera: str, side_px: int | None) -> str:
    """Changes with the video files, not with their place."""
    found = hashlib.sha256(f"{camera}|{side_px}|{dataset.info['total_frames']}".encode())
    for path in files_below(dataset.root, f"videos/{camera}", ".mp4", what="the file"):
        found.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:32]


def _cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "frames"
