"""What both hand tools are asked: dex-retargeting's own configurations on the same hands.

Runs in the peers' environment, where nothing of this project can be imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dexi_rs
import yaml
from dex_retargeting.constants import (
    HandType,
    RetargetingType,
    RobotName,
    get_default_config_path,
)

HANDS_FOLDER = Path(dexi_rs.__file__).parent / "resources" / "assets" / "robots" / "hands"
"""The robot files of dexi-rs: those of dex-urdf, which dex-retargeting was written for."""


def config_path(robot: str) -> Path:
    """The right hand's configuration for the vector objective."""
    found = get_default_config_path(RobotName[robot], RetargetingType.vector, HandType.right)
    return Path(found)


def read_config(robot: str) -> dict[str, Any]:
    """The options in it."""
    options: dict[str, Any] = yaml.safe_load(config_path(robot).read_text())["retargeting"]
    return options


def definition(options: dict[str, Any]) -> dict[str, Any]:
    """What the objective is about, in the words of `hand_vectors.json`."""
    origins, tasks = options["target_link_human_indices"]
    return {
        "urdf": options["urdf_path"],
        "origin_links": options["target_origin_link_names"],
        "task_links": options["target_task_link_names"],
        "human_origins": origins,
        "human_tasks": tasks,
        "scale": options["scaling_factor"],
        "low_pass_alpha": options["low_pass_alpha"],
    }
