"""Per-frame results of stages, on the clock of their clip.

A track is a frozen dataclass of arrays whose first axis is time. Missing values are NaN with
`valid` False, never zero. Values that a smoother put into a gap are finite with `filled` True and
`valid` False, so that nobody takes them for an observation.
"""

from rotoscope.pipeline.tracks.action import (
    GROUPS,
    GROUPS_OF_SPACE,
    REASONS,
    SIDED_GROUPS,
    ActionSpace,
    ActionTrack,
    FeatureTrack,
    QualityTrack,
)
from rotoscope.pipeline.tracks.base import BOTH, SCENE, SIDES, Side, Track, require_shape
from rotoscope.pipeline.tracks.body import BODY_JOINTS, BodyTrack, SmplxTrack
from rotoscope.pipeline.tracks.camera import (
    CameraMotion,
    PointTracks,
    blaming_camera,
    require_points,
)
from rotoscope.pipeline.tracks.hand import (
    HAND_GATES,
    HAND_JOINTS,
    NUM_HAND_JOINTS,
    GripperTrack,
    HandTrack,
)
from rotoscope.pipeline.tracks.object_pose import POSE_REASONS, ObjectPoseTrack
from rotoscope.pipeline.tracks.objects import CONTACT_DOUBTED, ObjectTrack
from rotoscope.pipeline.tracks.points import PointTrack
from rotoscope.pipeline.tracks.row_count import NO_ROWS, RowCount, count_rows
from rotoscope.pipeline.tracks.spans import median_rate_hz, runs, scatter
from rotoscope.pipeline.tracks.video import (
    Camera,
    ClockTrack,
    EmbeddingTrack,
    FaceTrack,
    PictureTrack,
    SegmentTrack,
    ShotTrack,
    require_camera,
)

__all__ = [
    "BODY_JOINTS",
    "BOTH",
    "CONTACT_DOUBTED",
    "GROUPS",
    "GROUPS_OF_SPACE",
    "HAND_GATES",
    "HAND_JOINTS",
    "NO_ROWS",
    "NUM_HAND_JOINTS",
    "POSE_REASONS",
    "REASONS",
    "SCENE",
    "SIDED_GROUPS",
    "SIDES",
    "ActionSpace",
    "ActionTrack",
    "BodyTrack",
    "Camera",
    "CameraMotion",
    "ClockTrack",
    "EmbeddingTrack",
    "FaceTrack",
    "FeatureTrack",
    "GripperTrack",
    "HandTrack",
    "ObjectPoseTrack",
    "ObjectTrack",
    "PictureTrack",
    "PointTrack",
    "PointTracks",
    "QualityTrack",
    "RowCount",
    "SegmentTrack",
    "ShotTrack",
    "Side",
    "SmplxTrack",
    "Track",
    "blaming_camera",
    "count_rows",
    "median_rate_hz",
    "require_camera",
    "require_points",
    "require_shape",
    "runs",
    "scatter",
]
