"""Do the videos hold one frame per row, at the row's time; and how much moves in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Float

from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.datasets.read_damaged import RawDataset, Span
from rotoscope.pipeline.datasets.said import CURATION, FOUND
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.structure import TOLERANCE_S
from rotoscope.pipeline.errors import DatasetError, VideoError
from rotoscope.pipeline.video.container import decode, open_video, packets

SMALL_WIDTH = 80
"""Pixels across that motion is measured on."""


def check_video_clock(raw: RawDataset, broken: Sequence[str] = ()) -> Check:
    """Each episode's frames are in its file at `from_timestamp + frame_index / fps`.

    Args:
        raw: The dataset.
        broken: What `motion_energies` could not decode.
    """
    findings = Findings(
        "video clock", advice="the frames do not belong to the rows: encode and write them again"
    )
    total = unshown = 0
    # Pieces leave videos as they are: frames of rows that were left out are still in them.
    is_curated = any(meta_file(raw.root, name).is_file() for name in (CURATION, FOUND))
    for key in raw.cameras:
        shape = tuple(raw.info["features"][key]["shape"])
        packets: dict[Path, Float[np.ndarray, " packet"]] = {}
        used: dict[Path, int] = {}
        for span in raw.spans:
            file = _file_of(raw, key, span)
            if file is None:
                continue
            if file not in packets:
                packets[file], problem = _packet_times(file, shape)
                if problem:
                    findings.fail(f"{file.relative_to(raw.root)}: {problem}")
            times = packets[file]
            if len(times):
                used[file] = used.get(file, 0) + span.length
                _check_episode(raw, key, span, times, findings)
        for file, count in used.items():
            unshown += max(len(packets[file]) - count, 0)
            if len(packets[file]) > count and not is_curated:
                findings.warn(
                    f"{file.relative_to(raw.root)} holds {len(packets[file])} frames, its "
                    f"episodes {count} rows"
                )
        total += sum(map(len, packets.values()))
    if not findings.failures:
        for problem in broken:
            findings.fail(problem)
    if not raw.cameras:
        return findings.untested("the dataset has no videos")
    text = f"{total - unshown} frames stand where their rows say"
    if is_curated and unshown:
        text += f"; the videos hold {unshown} more, of rows that curation left out"
    return findings.check(text, frames=total)


def _file_of(raw: RawDataset, key: str, span: Span) -> Path | None:
    """The episode's file, `None` where the structure is at fault and says so itself."""
    row = raw.table.get(span.episode, {})
    if f"videos/{key}/from_timestamp" not in row or f"videos/{key}/chunk_index" not in row:
        return None
    try:
        file = raw.video_file(key, span.episode)
    except DatasetError:
        return None
    return file if file.is_file() else None


def _packet_times(file: Path, shape: tuple[int, ...]) -> tuple[Float[np.ndarray, " packet"], str]:
    """Times of all frames in showing order [s], without decoding, and what is wrong, if any."""
    try:
        with open_video(file) as (container, stream):
            size = (stream.codec_context.height, stream.codec_context.width)
            pts = [p.pts for p in packets(container, stream) if p.pts is not None]
            times = np.sort(np.array(pts)) * float(stream.time_base or 0)
    except (av.FFmpegError, VideoError, IndexError, OSError, UnicodeDecodeError) as error:
        return np.zeros(0), f"cannot be read ({error})"
    if len(shape) != 3:
        return times, f"is {size[1]}x{size[0]}, info.json gives it the shape {list(shape)}"
    height_width = tuple(shape[:2]) if shape[-1] in (1, 3) else tuple(shape[1:])
    if size != height_width:
        return times, f"is {size[1]}x{size[0]}, info.json says {height_width[1]}x{height_width[0]}"
    return times, ""


def _check_episode(
    raw: RawDataset, key: str, span: Span, times_s: np.ndarray, findings: Findings
) -> None:
    row = raw.table[span.episode]
    start = float(row[f"videos/{key}/from_timestamp"])
    end = float(row.get(f"videos/{key}/to_timestamp", np.nan))
    frame = raw.clock("frame_index")[span.rows]
    half = 0.5 / raw.fps
    inside = int(np.searchsorted(times_s, end - half) - np.searchsorted(times_s, start - half))
    if inside != span.length:
        findings.fail(
            f"episode {span.episode}: {inside} frames of {key} between {start:.3f} and {end:.3f} s "
            f"for {span.length} rows"
        )
        return
    wanted = start + frame / raw.fps
    right = np.clip(np.searchsorted(times_s, wanted), 1, max(len(times_s) - 1, 1))
    near = np.minimum(
        np.abs(times_s[np.minimum(right, len(times_s) - 1)] - wanted),
        np.abs(times_s[right - 1] - wanted),
    )
    if near.max() > TOLERANCE_S:
        k = int(np.argmax(near > TOLERANCE_S))
        findings.fail(
            f"episode {span.episode} frame {frame[k]}: the nearest frame of {key} is "
            f"{1e3 * near[k]:.2f} ms away, LeRobot accepts {1e3 * TOLERANCE_S:g} ms"
        )


def motion_energies(
    raw: RawDataset, *, max_frames: int, broken: list[str]
) -> Mapping[int, Float[np.ndarray, " time"]]:
    """Mean absolute luma change into each row from the one before [gray levels], by episode.

    NaN in the first row and where a frame is missing. Of a large dataset, evenly chosen episodes
    with `max_frames` frames at most are looked at; of several cameras, the first. What cannot be
    decoded is added to `broken`.
    """
    if not raw.cameras:
        return {}
    key = raw.cameras[0]
    spans = [s for s in raw.spans if _file_of(raw, key, s) is not None]
    out = {}
    for span in _some(spans, max_frames):
        start = float(raw.table[span.episode][f"videos/{key}/from_timestamp"])
        try:
            out[span.episode] = _energy(
                raw.video_file(key, span.episode), start, span.length, raw.fps
            )
        except (av.FFmpegError, VideoError, IndexError, OSError, UnicodeDecodeError) as error:
            file = raw.video_file(key, span.episode).relative_to(raw.root)
            broken.append(f"episode {span.episode}: {file} cannot be decoded ({error})")
    return out


def _some(spans: list[Span], max_frames: int) -> list[Span]:
    total = sum(span.length for span in spans)
    step = max(1, -(-total // max_frames))
    return spans[::step]


def _energy(file: Path, start_s: float, length: int, fps: float) -> Float[np.ndarray, " time"]:
    energy = np.full(length, np.nan)
    before: tuple[int, np.ndarray] | None = None
    shrink = VideoReformatter()
    with open_video(file) as (container, stream):
        time_base: Any = stream.time_base
        container.seek(int(max(start_s - 0.5 / fps, 0.0) / time_base), stream=stream)
        for frame in decode(container, stream):
            if frame.pts is None:
                continue
            row = round((float(frame.pts * time_base) - start_s) * fps)
            if row < 0:
                continue
            if row >= length:
                break
            small = shrink.reformat(
                frame,
                width=SMALL_WIDTH,
                height=max(2, SMALL_WIDTH * frame.height // frame.width),
                format="gray",
            )
            luma = small.to_ndarray().astype(np.int16)
            if before is not None and before[0] == row - 1:
                energy[row] = np.abs(luma - before[1]).mean()
            before = (row, luma)
    return energy
