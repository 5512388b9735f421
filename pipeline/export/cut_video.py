"""A part of a video as a video of its own, without encoding a picture again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError


def cut_video(source: Path, target: Path, *, start_s: float, num_frames: int, fps: float) -> None:
    """Frames of a video as a video of their own, packet by packet.

    Args:
        source: Any video that LeRobot writes.
        target: An mp4.
        start_s: Time of the first frame [s].
        num_frames: How many frames follow from there.
        fps: Frames per second.

    Raises:
        DatasetError: The video has no key frame there, or ends too early.
    """
    import av

    from rotoscope.pipeline.video.container import open_video

    half_s = 0.5 / fps
    end_s = start_s + num_frames / fps
    written = 0
    with open_video(source) as (container, stream), av.open(str(target), "w", "mp4") as out:
        copy = out.add_stream_from_template(stream)
        base = stream.time_base
        assert base is not None
        copy.time_base = base
        offset = round(Fraction(start_s).limit_denominator(1_000_000) / base)
        container.seek(max(offset, 0), stream=stream)
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            time_s = float(packet.pts * base)
            if time_s < start_s - half_s:
                continue
            if time_s >= end_s - half_s:
                break
            if written == 0 and not packet.is_keyframe:
                raise DatasetError(
                    f"{source} has no key frame at {start_s:.3f} s, where an episode begins: it "
                    "cannot be cut there without encoding it again; use LeRobot's own tool, "
                    "lerobot-edit-dataset, then rotoscope doctor --write"
                )
            packet.pts -= offset
            packet.dts = None if packet.dts is None else packet.dts - offset
            packet.stream = copy
            out.mux(packet)
            written += 1
    if written != num_frames:
        raise DatasetError(
            f"{source} holds {written} of the {num_frames} frames from {start_s:.3f} s on; "
            "rotoscope doctor says more"
        )
