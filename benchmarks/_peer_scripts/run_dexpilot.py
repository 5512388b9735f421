"""dex-retargeting's DexPilot on motions: `run_dexpilot.py ROBOTS MOTIONS.npz OUT.json`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dex_retargeting.constants import (
    HandType,
    RetargetingType,
    RobotName,
    get_default_config_path,
)
from dex_retargeting.retargeting_config import RetargetingConfig
from hand_configs import HANDS_FOLDER


def main(robots: str, motions_path: str, out: str) -> None:
    """Runs each right hand over each motion; writes joint angles after the tool's filter."""
    torch.set_num_threads(1)
    RetargetingConfig.set_default_urdf_dir(str(HANDS_FOLDER))
    with np.load(motions_path) as arrays:
        motions = {name: arrays[name] for name in arrays.files}
    rows = {
        robot: {name: run(robot, joints_m) for name, joints_m in motions.items()}
        for robot in robots.split(",")
    }
    Path(out).write_text(json.dumps(rows))


def run(robot: str, joints_m: np.ndarray) -> dict[str, Any]:
    """One hand on one motion, from the tool's own start, as a user runs it."""
    found = get_default_config_path(RobotName[robot], RetargetingType.dexpilot, HandType.right)
    retargeting = RetargetingConfig.load_from_file(found).build()
    origins, tasks = retargeting.optimizer.target_link_human_indices
    filtered, taken_s = [], []
    for frame in joints_m:
        start_s = time.thread_time()
        filtered.append(retargeting.retarget(frame[tasks] - frame[origins]))
        taken_s.append(time.thread_time() - start_s)
    return {
        "joint_names": list(retargeting.joint_names),
        "filtered_rad": np.array(filtered).tolist(),
        "taken_ms": 1e3 * float(np.mean(taken_s)),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
