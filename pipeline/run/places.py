"""Datasets whose place is a URL: the folder on this machine that stands for it, kept the same."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.files.atomic import write_bytes_atomic
from rotoscope.pipeline.remote.cache import RECORDS, cache
from rotoscope.pipeline.remote.datasets import Sent, fetch_dataset, send_dataset, work_beside
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Place, Url
from rotoscope.pipeline.run.request import LabelRequest, local_dataset, work_of


def dataset_here(place: Place, *, needs_dataset: bool = True) -> Path:
    """A folder with the dataset of a place, and beside it what is known of its run.

    Raises:
        DatasetError: There is no whole dataset.
        RemoteError: The store is away.
    """
    folder, url = local_dataset(place)
    if url is None:
        return folder
    recall_run(folder, url)
    if needs_dataset:
        fetch_dataset(url, folder, make_room=cache().make_room)
    return folder


def recall_run(folder: Path, url: Url) -> None:
    """Puts the records of a run beside its local folder, where none are there yet."""
    objects = open_objects(url)
    for name in RECORDS:
        path = work_of(folder) / name
        if not path.is_file():
            data = objects.read(work_beside(url).below(name).key)
            if data is not None:
                write_bytes_atomic(path, data)


def keep_run(request: LabelRequest) -> None:
    """Puts the records of a run beside its dataset in object storage; none of them is a secret.

    Raises:
        RemoteError: The store is away.
    """
    if request.out_url is None:
        return
    objects = open_objects(request.out_url)
    for name in RECORDS:
        path = request.work / name
        if path.is_file():
            objects.put(work_beside(request.out_url).below(name).key, path)


def send(request: LabelRequest) -> Sent | None:
    """Puts the published dataset where the request wants it; `None` where that is here.

    Raises:
        UsageError: Something else lies there.
        RemoteError: The store is away.
    """
    if request.out_url is None:
        return None
    return send_dataset(request.out, request.out_url, replaces=request.replace)
