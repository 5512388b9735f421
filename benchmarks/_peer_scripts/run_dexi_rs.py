"""dexi-rs on recorded joints: `run_dexi_rs.py ROBOTS JOINTS.npy OUT.json`.

It gets the options of dex-retargeting's configurations, as its own documentation does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import dexi_rs
import numpy as np
from hand_configs import HANDS_FOLDER, definition, read_config


def main(robots: str, joints_path: str, out: str) -> None:
    """Runs each hand over all frames, once without and once with the tool's filter."""
    joints_m = np.load(joints_path)
    rows = {robot: run(robot, joints_m) for robot in robots.split(",")}
    Path(out).write_text(json.dumps(rows))


def run(robot: str, joints_m: np.ndarray) -> dict[str, Any]:
    """One hand; the time is that of the run with the filter, which is what a user gets."""
    options = read_config(robot)
    names, raw_rad, _ = _play(options | {"low_pass_alpha": 1.0}, joints_m)
    _, filtered_rad, taken_ms = _play(options, joints_m)
    return {
        "definition": definition(options),
        "joint_names": names,
        "raw_rad": raw_rad,
        "filtered_rad": filtered_rad,
        "taken_ms": taken_ms,
    }


def _play(
    options: dict[str, Any], joints_m: np.ndarray
) -> tuple[list[str], list[list[float]], list[float]]:
    retargeting = dexi_rs.RetargetingConfig(**options, urdf_dir=HANDS_FOLDER).build()
    origins, tasks = options["target_link_human_indices"]
    angles_rad, taken_ms = [], []
    for frame in joints_m:
        vectors = (frame[tasks] - frame[origins]).reshape(-1).tolist()
        start_s = time.thread_time()
        angles_rad.append(list(retargeting.retarget(vectors)))
        taken_ms.append(1e3 * (time.thread_time() - start_s))
    return list(retargeting.joint_names), angles_rad, taken_ms


if __name__ == "__main__":
    main(*sys.argv[1:])
