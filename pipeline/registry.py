"""How the name of a stage or labeler becomes a class: built in, by an entry point, or by a file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import traceback
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from rotoscope.pipeline.errors import CodeConsentError, RecipeError, UsageError, quoted

if TYPE_CHECKING:
    from rotoscope.pipeline.stage import Stage

BUILT_IN: dict[str, str] = {
    "shots": "rotoscope.pipeline.stages.shots:Shots",
    "hands": "rotoscope.models.hands.stage:Hands",
    "hands.file": "rotoscope.models.hand_files.stage:HandsFile",
    "camera": "rotoscope.pipeline.stages.camera:CameraStage",
    "scene_points": "rotoscope.models.camera.points_stage:ScenePoints",
    "camera_motion": "rotoscope.models.camera.motion_stage:CameraMotionStage",
    "self_calibration": "rotoscope.models.camera.self_calibration_stage:SelfCalibration",
    "points": "rotoscope.models.points.stage:Points",
    "points.network": "rotoscope.models.points.network_stage:PointsNetwork",
    "lift": "rotoscope.models.hands.lift_stage:Lift",
    "anonymise": "rotoscope.models.faces.stage:Anonymise",
    "body": "rotoscope.models.bodies.stage:Body",
    "lift_body": "rotoscope.models.bodies.lift_stage:LiftBody",
    "fit_smplx": "rotoscope.models.smplx.stage:FitSmplx",
    "smooth": "rotoscope.pipeline.stages.smooth:Smooth",
    "motion": "rotoscope.pipeline.stages.motion:MotionStage",
    "ground": "rotoscope.retarget.ground.stage:Ground",
    "objects": "rotoscope.models.objects.stage:Objects",
    "objects.network": "rotoscope.models.objects.network_stage:ObjectsNetwork",
    "object_pose": "rotoscope.models.object_pose.stage:ObjectPose",
    "retarget.gripper": "rotoscope.retarget.gripper.stage:RetargetGripper",
    "retarget.arm": "rotoscope.retarget.arm.stage:RetargetArm",
    "check.physics": "rotoscope.retarget.physics.stage:PhysicsCheck",
    "retarget.hand": "rotoscope.retarget.hand.stage:RetargetHand",
    "retarget.humanoid": "rotoscope.retarget.humanoid.stage:RetargetHumanoid",
    "retarget.upper_body": "rotoscope.retarget.humanoid.upper_body_stage:RetargetUpperBody",
    "track.colour": "rotoscope.models.colors.stage:ColorTracks",
    "track.state": "rotoscope.models.states.stage:StateTrack",
    "label.pixels": "rotoscope.models.inverse_dynamics.pixels_stage:Pixels",
    "label.inverse_dynamics": "rotoscope.models.inverse_dynamics.stage:InverseDynamics",
    "label.object_motion": "rotoscope.pipeline.stages.object_motion:ObjectMotion",
    "label.latent": "rotoscope.models.latent_actions.stage:LatentAction",
    "gripper.file": "rotoscope.models.motion_tracks.gripper_file:GripperFile",
    "depth": "rotoscope.models.depth.stage:Depth",
    "depth.network": "rotoscope.models.depth.network_stage:DepthNetwork",
    "label.motion_track": "rotoscope.models.motion_tracks.stage:MotionTrack",
    "curate": "rotoscope.pipeline.stages.curate:Curate",
}
"""Stage kinds that come with Rotoscope, as `"module:attr"`, imported when first used."""

LABELERS: dict[str, str] = {
    "inverse-dynamics": "rotoscope.models.inverse_dynamics.family:InverseDynamics",
    "predictive-inverse-dynamics": (
        "rotoscope.models.predictive_inverse_dynamics.labeler:PredictiveInverseDynamics"
    ),
    "unified-world-model": "rotoscope.models.world_models.unified:UnifiedWorldModel",
    "action-inference": "rotoscope.models.world_models.action_inference:ActionInference",
    "differences": "rotoscope.models.labelers.copying:Differences",
    "copy": "rotoscope.models.labelers.copying:Copy",
    "previous": "rotoscope.models.labelers.copying:Previous",
    "mean": "rotoscope.models.labelers.copying:Mean",
    "retargeting": "rotoscope.models.labelers.retargeting:Retargeting",
}
"""Labelers that come with Rotoscope, by the name that every command takes."""

ENTRY_POINT_GROUP, LABELER_GROUP = "rotoscope.stages", "rotoscope.labelers"


def kinds() -> list[str]:
    """Names of all stages that can stand in a recipe, labelers and those from files aside."""
    return sorted({*BUILT_IN, *entry_points(ENTRY_POINT_GROUP)})


def labeler_names() -> list[str]:
    """Names of all labelers, those from files aside."""
    return sorted({*LABELERS, *entry_points(LABELER_GROUP)})


def labeler_class(name: str, *, folder: Path | None = None) -> Any:
    """The class behind a labeler's name, whatever it is; the user meant it if it is a file.

    Args:
        name: A built-in name, an installed entry point, or `./file.py:Class`.
        folder: What a relative file is relative to.

    Raises:
        UsageError: No such name, file or class.
    """
    if ".py:" in name:
        return _from_file(name, folder or Path.cwd())
    reference = LABELERS.get(name) or entry_points(LABELER_GROUP).get(name)
    if reference is None:
        raise UsageError(
            f"there is no labeler {name!r}; valid ones are {quoted(labeler_names())}, or a class "
            "of your own as ./my_labeler.py:MyLabeler"
        )
    return _from_reference(reference)


def stage_class(name: str, *, folder: Path | None = None, allow_code: bool = False) -> type[Stage]:
    """The class behind a stage's name; that of a labeler is the stage that opens its folder.

    Args:
        name: A built-in kind, an installed entry point, a labeler, or `./file.py:Class`.
        folder: What a relative file is relative to: the recipe's folder.
        allow_code: Whether the user agreed that such a file runs.

    Raises:
        CodeConsentError: It is a file, and the user did not agree.
        RecipeError: No such kind, file or class, or the class is not a stage.
    """
    if ".py:" in name:
        if not allow_code:
            raise CodeConsentError(
                f"the stage {name!r} is a program, and it was not you who named it in this "
                "command; look at the file, and say --allow-code if you trust it"
            )
        found = _from_file(name, folder or Path.cwd())
    elif name in BUILT_IN:
        found = _from_reference(BUILT_IN[name])
    elif name in entry_points(ENTRY_POINT_GROUP):
        found = _from_reference(entry_points(ENTRY_POINT_GROUP)[name])
    elif name in labeler_names():
        found = labeler_class(name)
    else:
        raise RecipeError(
            f"there is no stage {name!r}; valid ones are {quoted([*kinds(), *labeler_names()])}, "
            "or a class of your own as ./my_labeler.py:MyLabeler"
        )
    if hasattr(found, "as_stage"):
        found = found.as_stage()
    # Whoever only asks for names, as every command does, needs no NumPy.
    from rotoscope.pipeline.stage import ClipStage, FrameStage

    if not (isinstance(found, type) and issubclass(found, ClipStage | FrameStage)):
        raise RecipeError(
            f"{name!r} is {found!r}, not a subclass of ClipStage, FrameStage or Labeler"
        )
    return found


def source_file(name: str, *, folder: Path | None = None) -> Path | None:
    """The file of a user's own stage, `None` for an installed one."""
    return _file_of(name, folder or Path.cwd()) if ".py:" in name else None


@cache
def entry_points(group: str) -> dict[str, str]:
    """What installed packages offer in a group, as `"module:attr"` by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=group)}


def _from_reference(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _file_of(name: str, folder: Path) -> Path:
    path = folder / os.path.expanduser(name.rpartition(":")[0])
    try:
        is_there = path.is_file() and os.access(path, os.R_OK)
    except OSError as error:  # a name too long, a folder that may not be looked into
        raise RecipeError(f"file {path}: {error.strerror}") from error
    if not is_there:
        raise RecipeError(
            f"the file {path} is not there or not readable; give ./file.py:Class or a full path"
        )
    return path.resolve()


def _from_file(name: str, folder: Path) -> Any:
    path, attribute = _file_of(name, folder), name.rpartition(":")[2]
    module = _load_module(path)
    if not hasattr(module, attribute):
        classes = [n for n, v in vars(module).items() if isinstance(v, type)]
        raise RecipeError(f"{path} has no class {attribute!r}; it has {quoted(classes)}")
    return getattr(module, attribute)


class _FromSource(SourceFileLoader):
    """Bytecode is told apart by length and second alone: a file changed since may have both."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load_module(path: Path) -> ModuleType:
    # Loaded by file under a name of its own, so that a user's `models/` never shadows ours.
    digest = hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:16]
    module_name = f"rotoscope_file_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    loader = _FromSource(module_name, str(path))
    module = importlib.util.module_from_spec(ModuleSpec(module_name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[module_name] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        where = _line_in(path, error)
        raise RecipeError(
            f"{path} fails on import{where}: {type(error).__name__}: {error}"
        ) from error
    return module


def _line_in(path: Path, error: Exception) -> str:
    """Where in a file an error came up; a syntax error says so itself."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" in line {lines[-1]}" if lines else ""
