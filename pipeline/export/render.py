"""Encodes the episodes of one video in one pass over its frames and stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.episodes.episode import Episode
from rotoscope.pipeline.errors import VideoError
from rotoscope.pipeline.export.stored_episode import EncodedVideo, VideoFacts, save_episode
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.tracks import FaceTrack, Track
from rotoscope.pipeline.types import Clip, Frame, Video
from rotoscope.pipeline.video.encode import NOTHING, EpisodeEncoder
from rotoscope.pipeline.video.read import NONE_KEPT, Backend, read_frames

GOP = 2
"""A key frame every second frame, as LeRobot writes: training reads frames in random order."""
PRESET = "ultrafast"
NOTHING_HIDDEN: Mapping[int, np.ndarray] = MappingProxyType({})


def render_episodes(
    episodes: Sequence[Episode],
    video: Video,
    *,
    export: ExportSection,
    backend: Backend,
    store: Store,
    key: str,
    progress: Callable[[int], None],
    unchanged: Callable[[], None] = lambda: None,
    hidden: Mapping[int, Float[np.ndarray, "box 4"]] = NOTHING_HIDDEN,
    kept: Mapping[int, Frame] = NONE_KEPT,
) -> list[str]:
    """Stores every episode with its encoded video and returns their store keys, in order.

    Args:
        episodes: Episodes of this video.
        video: The video; episodes of a motion file have no pictures, nothing is decoded then.
        export: Size, rate and quality.
        backend: Decoder.
        store: Where to.
        key: Key that the episodes' own keys begin with.
        progress: Called with the number of the frame that was reached.
        unchanged: Called when the video is open, and when it was read and before anything is
            stored; raises where its bytes are no longer those that the episodes were made of.
        hidden: By frame, what pictures do not show: left, top, right, bottom [px of the frame].
        kept: Frames that need not be decoded again, by their place in the video.

    Raises:
        VideoError: The video does not decode as it did before.
        DiskFullError: No space is left.
    """
    if not episodes:
        return []
    keys = [f"{key}-{number:03d}" for number in range(len(episodes))]
    if not video.has_pictures:
        for name, episode in zip(keys, episodes, strict=True):
            save_episode(store.episode_folder(name), episode)
        return keys
    folder = store.episode_folder(keys[0]).parent
    with scratch_folder(f"{key}-render", beside=folder) as place, ExitStack() as stack:
        writers = [
            _Writer(episode, place / f"{number}.mp4", export, stack)
            for number, episode in enumerate(episodes)
        ]
        start = min(int(e.source_frame[0]) for e in episodes)
        end = max(int(e.source_frame[-1]) for e in episodes) + 1
        for frame in read_frames(video, backend=backend, start=start, end=end, kept=kept):
            if frame.index == start:
                unchanged()  # what was opened, should it be put back before the end
            for writer in writers:
                writer.take(frame, hidden.get(frame.index, NOTHING))
            progress(frame.index)
        unchanged()
        for stored_as, writer in zip(keys, writers, strict=True):
            encoded = EncodedVideo(writer.path, writer.facts())
            save_episode(store.episode_folder(stored_as), writer.episode, encoded)
    return keys


def hidden_boxes(
    clips: Sequence[Clip], tracks: Sequence[Mapping[str, Track]]
) -> dict[int, Float[np.ndarray, "box 4"]]:
    """By frame of the video, the faces that pictures of these clips do not show."""
    out: dict[int, np.ndarray] = {}
    for clip, found in zip(clips, tracks, strict=True):
        faces = found.get("faces")
        if isinstance(faces, FaceTrack):
            out |= {clip.start + n: faces.in_frame(n) for n in range(clip.num_frames)}
    return out


class _Writer:
    """One episode's encoder, open from its first row to its last."""

    def __init__(
        self, episode: Episode, path: Path, export: ExportSection, stack: ExitStack
    ) -> None:
        self.episode, self.path, self.export = episode, path, export
        self.stack = stack
        self.row = 0
        self.encoder: EpisodeEncoder | None = None
        self.stats: dict[str, np.ndarray] | None = None
        self.open_encoder = ExitStack()
        stack.push(self.open_encoder)

    def take(self, frame: Frame, hidden: Float[np.ndarray, "box 4"]) -> None:
        """Writes the frame once for every row that shows it."""
        rows = self.episode.source_frame
        while self.row < len(rows) and rows[self.row] == frame.index:
            if self.encoder is None:
                self.encoder = self.open_encoder.enter_context(
                    EpisodeEncoder(
                        self.path,
                        width=self.export.width,
                        height=self.export.height,
                        fps=self.export.fps,
                        g=GOP,
                        crf=self.export.crf,
                        preset=PRESET,
                    )
                )
            self.encoder.add(frame, hidden=hidden)
            self.row += 1
            if self.row == len(rows):
                self.open_encoder.close()
                # An encoder holds megabytes, and a long video gives hundreds of episodes.
                self.stats, self.encoder = self.encoder.stats(), None

    def facts(self) -> VideoFacts:
        """Facts about the finished file."""
        if self.stats is None:
            raise VideoError(
                f"episode {self.episode.episode_id} shows {self.episode.num_rows} frames, "
                f"decoding gave only {self.row} of them the second time; try again"
            )
        # LeRobot's writer divides by 255 what an encoder hands it, as ours is about to.
        scaled: dict[str, list[float] | np.ndarray] = {
            n: np.ravel(v if n == "count" else 255.0 * v).tolist() for n, v in self.stats.items()
        }
        encoder = {
            "codec": "h264",
            "pixel_format": "yuv420p",
            "crf": self.export.crf,
            "gop": GOP,
            "preset": PRESET,
        }
        return VideoFacts(self.export.width, self.export.height, encoder, scaled)
