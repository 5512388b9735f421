"""What the report knows of a dataset's features, checked before anything is drawn."""

from __future__ import annotations

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.tracks import BODY_JOINTS

SIZES = {
    "label.valid": 1,
    "label.confidence": 1,
    "label.reason": 1,
    "label.ee": 7,
    "label.root_pose": 6,
    "track.hand.joints": 63,
    "track.camera.pose": 6,
    "track.hand.seen": 1,
    "track.hand.wrist": 7,
    "track.body.joints": 3 * len(BODY_JOINTS),
    "track.body.seen": 1,
}
"""Numbers that a row holds of what is drawn."""


def check_features(dataset: Dataset) -> None:
    """Checks that what will be drawn has the size that it is drawn from.

    Raises:
        DatasetError: It has not.
    """
    features = dataset.info["features"]
    for name, size in SIZES.items():
        if name in features and features[name]["shape"] != [size]:
            raise DatasetError(
                f"{dataset.root}: {name} has shape {features[name]['shape']}, {size} numbers are "
                "wanted; write the dataset again"
            )
    if dataset.video_key is not None:
        frame_size(dataset)


def frame_size(dataset: Dataset) -> tuple[int, int]:
    """Height and width of the first camera's frames [px].

    Raises:
        DatasetError: Its shape is that of no picture.
    """
    shape = dataset.info["features"][dataset.video_key]["shape"]
    if len(shape) == 3 and shape[-1] in (1, 3):
        return shape[0], shape[1]
    if len(shape) == 3 and shape[0] in (1, 3):
        return shape[1], shape[2]
    raise DatasetError(f"{dataset.root}: {dataset.video_key} has shape {shape}, no picture has")
