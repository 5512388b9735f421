"""One episode's frames out of a file that holds many, without encoding them again."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.errors import DatasetError


def cut_video(source: Path, target: Path, *, start_s: float, num_frames: int, fps: float) -> None:
    """Copies the packets of an episode into a file of its own, which begins at 0.

    LeRobot v3 joins the videos of episodes end to end, each encoded by itself: so an episode begins
    at a key frame, and no frame of it needs one of another.

    Args:
        source: The file.
        target: Where the episode goes.
        start_s: Where it starts in `source` [s].
        num_frames: Frames in it.
        fps: Frames per second.

    Raises:
        DatasetError: It does not begin at a key frame, or the file holds fewer frames of it.
    """
    import av

    from rotoscope.pipeline.video.container import open_video

    target.parent.mkdir(parents=True, exist_ok=True)
    half_s, first, count = 0.5 / fps, None, 0
    with open_video(source) as (container, stream), av.open(str(target), "w") as made:
        out = made.add_stream_from_template(stream)
        base = stream.time_base
        if base is None:
            raise DatasetError(f"{source} does not say how it counts time; write it again")
        container.seek(int((start_s + half_s) / base), stream=stream)
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue
            at_s = float(packet.pts * base)
            if not start_s - half_s <= at_s < start_s + (num_frames - 0.5) / fps:
                continue
            if first is None:
                if not packet.is_keyframe:
                    break
                first = packet.pts
            packet.pts, packet.dts = packet.pts - first, packet.dts - first
            packet.stream = out
            made.mux(packet)
            count += 1
            if count == num_frames:
                break
    if count != num_frames:
        why = "does not begin at a key frame" if first is None else f"has {count} frames"
        raise DatasetError(
            f"{source}: the episode at {start_s:g} s {why}, of {num_frames}; write the dataset "
            "again with LeRobot, which encodes every episode by itself"
        )
