"""Where a robot's URDF or MJCF file comes from: an asset, a folder, or robot_descriptions."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.files.paths import inside


class Section(BaseModel):
    """Base of all parts of a robot's YAML file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Numbers3 = tuple[float, float, float]


class AttachedSection(Section):
    """A second URDF file that is fixed to the first: the gripper of an arm."""

    folder: Path | None = None
    """Folder that holds it, relative to the YAML file; the robot's own when absent."""
    file: Path
    """URDF file of the gripper, in that folder."""
    link: str
    """Link of the robot that the gripper's root is fixed to."""
    xyz_m: Numbers3 = (0.0, 0.0, 0.0)
    """Where the gripper's root is in that link [m]."""
    rpy_rad: Numbers3 = (0.0, 0.0, 0.0)
    """How it is turned there: roll, pitch, yaw [rad]."""


class NamedSection(Section):
    """What the YAML files of all robots begin with."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name in the dataset."""


class RobotFileSection(NamedSection):
    """What the YAML files of robots made of one URDF or MJCF file begin with."""

    asset: str | None = None
    """Asset whose folder holds the robot (see `rotoscope assets list`)."""
    folder: Path | None = None
    """Folder that holds the robot instead, relative to the YAML file."""
    robot_descriptions: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    """Module of the package robot_descriptions instead, such as `g1_mj_description`."""
    file: Path | None = None
    """URDF or MJCF file inside the asset or folder; robot_descriptions knows its own."""
    attached: AttachedSection | None = None
    """A gripper in a file of its own; its names begin with `gripper_` where the robot has them."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        named = [self.asset, self.folder, self.robot_descriptions]
        if sum(place is not None for place in named) != 1:
            raise ValueError(
                "give either `asset` or `folder` with `file`, or `robot_descriptions`, so that the "
                "file can be found"
            )
        if (self.file is None) != (self.robot_descriptions is not None):
            raise ValueError(
                "give `file`, the URDF or MJCF file, with `asset` or `folder`; leave it out with "
                "`robot_descriptions`, which knows its own"
            )
        return self


def robot_file(config: RobotFileSection, config_file: Path) -> Path:
    """Path of the URDF or MJCF file that a YAML file names; it need not be there.

    Raises:
        AssetError: Its asset was not fetched.
        RobotError: robot_descriptions is not installed, has no such robot, or cannot clone it; or
            `file` leads out of the asset or folder.
    """
    if config.robot_descriptions is not None:
        file = from_robot_descriptions(config.robot_descriptions)
        folder = file.parent
    else:
        folder = (
            asset_path(config.asset) if config.asset else config_file.parent / str(config.folder)
        )
        what = f"`file` of {config_file}"
        file = inside(folder, str(config.file), what=what, error=RobotError)
    return file if config.attached is None else _with_attached(config, config_file, folder, file)


def _with_attached(config: RobotFileSection, config_file: Path, folder: Path, file: Path) -> Path:
    # Imported here because that module reads the files that this one finds.
    from rotoscope.retarget.description.attach import attached_file

    attached = config.attached
    assert attached is not None
    place = folder if attached.folder is None else config_file.parent / attached.folder
    what = f"`attached.file` of {config_file}"
    return attached_file(
        file,
        inside(place, str(attached.file), what=what, error=RobotError),
        link=attached.link,
        xyz_m=attached.xyz_m,
        rpy_rad=attached.rpy_rad,
    )


def from_robot_descriptions(name: str) -> Path:
    """Path of a robot's file in the package robot_descriptions, which clones it where needed.

    Raises:
        RobotError: The package is not installed, has no such robot, or cannot clone it.
    """
    module = _described(name)
    paths = [getattr(module, key, None) for key in ("URDF_PATH", "MJCF_PATH")]
    found = next((path for path in paths if path is not None), None)
    if found is None:
        raise RobotError(
            f"robot_descriptions.{name} has neither URDF_PATH nor MJCF_PATH; choose a "
            "description whose file is a URDF or MJCF file"
        )
    return Path(str(found))


def _described(name: str) -> ModuleType:
    try:
        package = importlib.import_module("robot_descriptions")
    except ImportError as error:
        raise RobotError(
            f"the robot {name!r} comes from the package robot_descriptions, which cannot be "
            f"imported ({error}); install it with: pip install robot_descriptions"
        ) from error
    if name not in package.DESCRIPTIONS:
        raise RobotError(
            f"robot_descriptions has no {name!r}; it has {quoted(package.DESCRIPTIONS)}"
        )
    failures: tuple[type[Exception], ...] = (ImportError, OSError, RuntimeError, *_git_errors())
    try:
        return importlib.import_module(f"robot_descriptions.{name}")
    except failures as error:
        raise RobotError(
            f"robot_descriptions cannot get {name!r}, which it clones from the internet: {error}; "
            "go online once, or download the robot and give `folder` and `file` instead"
        ) from error


def _git_errors() -> tuple[type[Exception], ...]:
    """What a failed clone raises; they share no base class with Python's own errors."""
    try:
        error: type[Exception] = importlib.import_module("git").exc.GitError
    except ImportError:
        return ()
    return (error,)
