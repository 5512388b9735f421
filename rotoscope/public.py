"""The public names: all that a notebook, a script or a stage of one's own needs.

`import rotoscope as rt` has them as `rt.label` and so on. What is not named here may change with
any release.
"""

from rotoscope import train
from rotoscope.api import Run, doctor, draw, evaluate, label, relabel, report, track
from rotoscope.comparing import compare
from rotoscope.models.labelers.check import check_labeler as check
from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.motion_tracks.recover import (
    read_tracks,
    recover_actions,
    recover_with_depth,
)
from rotoscope.models.perception.multi_view import View
from rotoscope.models.policy.bc_policy import load_bc_policy as load_policy
from rotoscope.models.policy.valid_rows import ValidRows
from rotoscope.models.simulators.record_command import record_demonstrations as record
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.windows import WindowConfig, windows_of
from rotoscope.pipeline import errors, testing
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.assets import fetch as fetch_assets
from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset, read_images
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.recipe import Recipe, build_recipe, load_recipe, recipe_names
from rotoscope.pipeline.stage import ClipStage, FrameStage, StageConfig
from rotoscope.pipeline.tracks import (
    ActionTrack,
    BodyTrack,
    Camera,
    ClockTrack,
    EmbeddingTrack,
    FeatureTrack,
    GripperTrack,
    HandTrack,
    QualityTrack,
    SegmentTrack,
    ShotTrack,
    SmplxTrack,
    Track,
)
from rotoscope.pipeline.types import Clip, Frame, Video
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, Robot

__all__ = [
    "ActionContract",
    "ActionTrack",
    "ArmRobot",
    "BodyTrack",
    "Camera",
    "Clip",
    "ClipStage",
    "ClockTrack",
    "Dataset",
    "Dimension",
    "EmbeddingTrack",
    "EpisodeRows",
    "FeatureTrack",
    "Frame",
    "FrameStage",
    "GripperContract",
    "GripperTrack",
    "HandRobot",
    "HandTrack",
    "HumanoidRobot",
    "LabeledEpisode",
    "LabeledSet",
    "Labeler",
    "LabelerConfig",
    "Labels",
    "QualityTrack",
    "Recipe",
    "Robot",
    "RotoscopeError",
    "Run",
    "SegmentTrack",
    "ShotTrack",
    "SmplxTrack",
    "StageConfig",
    "Track",
    "UnlabelledEpisode",
    "ValidRows",
    "Video",
    "View",
    "WindowConfig",
    "asset_path",
    "build_recipe",
    "check",
    "compare",
    "doctor",
    "draw",
    "errors",
    "evaluate",
    "fetch_assets",
    "label",
    "load_policy",
    "load_recipe",
    "load_robot",
    "open_dataset",
    "read_images",
    "read_tracks",
    "recipe_names",
    "record",
    "recover_actions",
    "recover_with_depth",
    "relabel",
    "report",
    "testing",
    "track",
    "train",
    "windows_of",
]
