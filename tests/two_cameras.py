"""A small dataset that two cameras filmed, each of which shows what the other does not."""

from pathlib import Path

import av

from benchmarks._small_dataset import CELL, FPS, publish_small
from benchmarks._two_filmed import as_second_camera

FRONT, SIDE = "observation.images.front", "observation.images.side"
BOTH = f"camera=[{FRONT}, {SIDE}]"


def publish_two(out: Path, *, episodes: int, rows: int) -> Path:
    """Its front camera shows the first joint and the gripper, its side camera the second joint."""
    publish_small(out, episodes=episodes, rows=rows)
    as_second_camera(out, FRONT, SIDE)
    for camera, bands in ((FRONT, (1,)), (SIDE, (0, 2))):
        for file in (out / "videos" / camera).rglob("*.mp4"):
            without_bands(file, bands)
    return out


def without_bands(file: Path, bands: tuple[int, ...]) -> None:
    """Takes the codes and some joints' bands out of all pictures of a video."""
    with av.open(str(file)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = pictures[0].shape[:2]
    changed = file.with_suffix(".changed.mp4")
    with av.open(str(changed), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast", "g": "2"}
        for picture in pictures:
            shown = picture.copy()
            shown[: 2 * CELL] = 60
            for band in bands:
                shown[(2 + 2 * band) * CELL : (4 + 2 * band) * CELL] = 60
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    changed.replace(file)
