"""Whether episodes of several datasets can stand in one, and what to do where they cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.selected import SelectedEpisode
from rotoscope.pipeline.quoting import shown


def check_alike(selected: Sequence[SelectedEpisode]) -> None:
    """Checks that episodes of several datasets can stand in one.

    Raises:
        DatasetError: They cannot; the message says what differs, and how to make it the same.
    """
    first = selected[0]
    for other in selected[1:]:
        if other.dataset is first.dataset:
            continue
        for what, a, b, advice in _sides(first, other):
            if a != b:
                raise DatasetError(
                    f"{first.dataset.root} and {other.dataset.root} differ in {what}: "
                    f"{_difference(a, b)}; {advice}"
                )


def _sides(a: SelectedEpisode, b: SelectedEpisode) -> list[tuple[str, Any, Any, str]]:
    again = "label the videos of one of them again with the recipe and settings of the other"
    size = "label one of them again with -o export.width= and -o export.height= of the other"
    encoder = (
        "label one of them again with -o export.crf= of the other: videos are not encoded anew"
    )
    rate = "label one of them again with -o export.fps= of the other"
    columns = {n: a.features[n] for n in a.features if n in b.features}
    return [
        ("rows per second", a.fps, b.fps, rate),
        ("robot", a.contract.robot, b.contract.robot, again),
        ("their action contract", a.header["contract"], b.header["contract"], again),
        ("observation.state", a.header["state_columns"], b.header["state_columns"], again),
        ("camera", a.dataset.video_key, b.dataset.video_key, f"{again}, or -o export.camera="),
        ("image size", _size(a), _size(b), size),
        ("how videos are encoded", _encoder(a), _encoder(b), encoder),
        ("what columns mean", columns, {n: b.features[n] for n in columns}, again),
    ]


def _size(episode: SelectedEpisode) -> str:
    return "no images" if episode.video is None else f"{episode.video.width}x{episode.video.height}"


def _encoder(episode: SelectedEpisode) -> dict[str, Any]:
    return {} if episode.video is None else episode.video.encoder


def _difference(a: Any, b: Any, path: str = "") -> str:
    """The first place in which two values differ, and both."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            if a.get(key) != b.get(key):
                return _difference(a.get(key), b.get(key), f"{path}.{key}" if path else str(key))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            if one != other:
                return _difference(one, other, f"{path}[{number}]")
    return f"{path + ' is ' if path else ''}{shown(a)} in the first, {shown(b)} in the second"
