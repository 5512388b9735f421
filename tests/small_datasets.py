"""Datasets of a few small episodes, each of a video of its own, whose frames say whose they are."""

import dataclasses
import tempfile
from pathlib import Path

from benchmarks._small_dataset import episode, job_for, store
from rotoscope.pipeline.export.publish import publish_in_child


def publish_videos(out, numbers, *, rows=24, change=None, provenance=None, license=""):
    """A dataset with an episode of each of these videos, `video003.mp4` and so on.

    Args:
        out: Where to.
        numbers: Numbers of the videos; another length and motion for each.
        rows: Length of the shortest episode.
        change: Given an episode, gives the one that is published.
        provenance: What made it, where it is to differ.
        license: License of all the videos.
    """
    with tempfile.TemporaryDirectory() as name:
        stored = []
        for number in numbers:
            made = episode(number, rows + 7 * number % 13)
            if license:
                made = dataclasses.replace(made, source=made.source | {"license": license})
            made = change(made) if change else made
            stored.append(store(Path(name) / f"episode{number:03d}", number, made))
        job = job_for(stored, out)
        names = tuple(f"video{number:03d}.mp4" for number in numbers)
        publish_in_child(
            dataclasses.replace(
                job,
                names=names,
                provenance=job.provenance | (provenance or {}),
                ledger=tuple(
                    {"name": n, "status": "done", "sha256": f"{k:064x}"}
                    for n, k in zip(names, numbers, strict=True)
                ),
            )
        )
    return out
