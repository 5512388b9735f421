"""LeRobot's own calibration files: where each motor of one very arm has its ends, in counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.plain import mapping, read_json

_KEYS = ("id", "drive_mode", "homing_offset", "range_min", "range_max")


@dataclass(frozen=True)
class MotorCalibration:
    """What LeRobot found of one motor when the arm was calibrated."""

    range_min: int
    """Counts at one end of its way."""
    range_max: int
    """Counts at the other end."""
    drive_mode: int = 0
    """1 where LeRobot turns the sign of ranges around."""

    @property
    def counts(self) -> int:
        """Counts between both ends."""
        return self.range_max - self.range_min


def read_calibrations(paths: Sequence[Path]) -> dict[str, MotorCalibration]:
    """The calibrations of one arm; of two, the left one first, with `left_` and `right_` before.

    Raises:
        UsageError: More than two files, or as `read_calibration`.
    """
    if len(paths) > 2:
        raise UsageError(f"{len(paths)} calibration files were named; a robot has one or two arms")
    sides = ("left_", "right_") if len(paths) == 2 else ("",)
    return {
        side + motor: found
        for side, path in zip(sides, paths, strict=False)
        for motor, found in read_calibration(path).items()
    }


def read_calibration(path: Path) -> dict[str, MotorCalibration]:
    """Calibrations by motor, from a file as `lerobot-calibrate` writes it.

    Raises:
        UsageError: It cannot be read, is no such file, or a motor's ends are the same.
    """
    found = mapping(read_json(path, error=UsageError), source=str(path), error=UsageError)
    return {str(name): _one(path, str(name), facts) for name, facts in found.items()}


def _one(path: Path, name: str, facts: Any) -> MotorCalibration:
    if not isinstance(facts, dict) or not all(_is_whole(facts.get(key)) for key in _KEYS):
        raise UsageError(
            f"{path}: motor {name!r} must have whole numbers {quoted(_KEYS)}; this is no "
            "calibration file of LeRobot"
        )
    low, high, drive = facts["range_min"], facts["range_max"], facts["drive_mode"]
    if not low < high or drive not in (0, 1):
        raise UsageError(
            f"{path}: motor {name!r} has range_min {low}, range_max {high} and drive_mode {drive}; "
            "allowed are range_min < range_max and drive_mode 0 or 1; calibrate it again"
        )
    return MotorCalibration(low, high, drive)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
