"""One Rerun recording per episode: frames, hand, body, gripper, actions on one timeline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset, read_images
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.report.draw import BONES, gripper_lines
from rotoscope.pipeline.report.features import check_features
from rotoscope.pipeline.report.figure import BODY_BONES
from rotoscope.pipeline.report.pictures import body_of, overlay_of


def write_recordings(dataset_path: Path, folder: Path) -> Iterator[Path]:
    """Writes `episode_000000.rrd` and so on, yielding each path.

    Raises:
        UsageError: The optional package `rerun-sdk` is not installed.
        DatasetError: The folder holds no LeRobot v3 dataset.
    """
    try:
        import rerun  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "recordings need the optional package rerun-sdk: pip install 'rotoscope[rerun]'"
        ) from error
    dataset = open_dataset(dataset_path)
    check_features(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(len(dataset.table)):
        path = folder / f"episode_{index:06d}.rrd"
        _write(dataset, dataset.episode(index), path)
        yield path


def _write(dataset: Dataset, episode: EpisodeRows, path: Path) -> None:
    import rerun as rr

    recording = rr.RecordingStream("rotoscope", recording_id=str(episode.meta.get("episode_id")))
    recording.save(str(path))
    recording.log("camera", rr.ViewCoordinates.RDF, static=True)
    names = dataset.names("action")
    rows = range(episode.num_rows)
    has_video = dataset.video_key is not None
    images = read_images(episode, rows, dataset.fps) if has_video else itertools.repeat(None)
    body = body_of(episode)
    for row, image in zip(rows, images, strict=has_video):
        recording.set_time("time", duration=row / dataset.fps)
        if image is not None:
            recording.log("camera/image", rr.Image(image).compress(jpeg_quality=80))
        if body is not None:
            bones = [body[row][list(pair)] for pair in BODY_BONES]
            known = [bone for bone in bones if np.isfinite(bone).all()]
            recording.log("body", rr.LineStrips3D(known, radii=0.01))
        overlay = overlay_of(dataset, episode, row)
        if overlay.joints_m is not None:
            bones = [overlay.joints_m[list(pair)] for pair in BONES]
            recording.log("camera/hand", rr.LineStrips3D(bones, radii=0.003))
        if overlay.T_camera_ee is not None:
            lines = list(gripper_lines(overlay.T_camera_ee, overlay.opening_m))
            recording.log("camera/gripper", rr.LineStrips3D(lines, radii=0.004))
        if names:
            for name, value in zip(names, np.ravel(episode.columns["action"][row]), strict=True):
                recording.log(f"action/{name}", rr.Scalars(float(value)))
        for name in {"label.confidence", "label.valid"} & episode.columns.keys():
            value = float(np.ravel(episode.columns[name][row])[0])
            recording.log(name.replace(".", "/"), rr.Scalars(value))
    recording.flush()
