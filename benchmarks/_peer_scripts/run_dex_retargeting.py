"""dex-retargeting on recorded joints: `run_dex_retargeting.py ROBOTS JOINTS.npy OUT.json`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dex_retargeting.retargeting_config import RetargetingConfig
from hand_configs import HANDS_FOLDER, config_path, definition, read_config


def main(robots: str, joints_path: str, out: str) -> None:
    """Runs each hand over all frames; writes joint angles before and after the tool's filter."""
    torch.set_num_threads(1)
    RetargetingConfig.set_default_urdf_dir(str(HANDS_FOLDER))
    joints_m = np.load(joints_path)
    rows = {robot: run(robot, joints_m) for robot in robots.split(",")}
    Path(out).write_text(json.dumps(rows))


def run(robot: str, joints_m: np.ndarray) -> dict[str, Any]:
    """One hand. The filter is fed what the optimizer gave, as in the tool itself."""
    retargeting = RetargetingConfig.load_from_file(config_path(robot)).build()
    low_pass, retargeting.filter = retargeting.filter, None
    origins, tasks = retargeting.optimizer.target_link_human_indices
    taken_s, raw, filtered = [], [], []
    for frame in joints_m:
        vectors = frame[tasks] - frame[origins]
        start_s = time.thread_time()
        raw.append(retargeting.retarget(vectors))
        filtered.append(low_pass.next(raw[-1]))
        taken_s.append(time.thread_time() - start_s)
    return {
        "definition": definition(read_config(robot)),
        "joint_names": list(retargeting.optimizer.robot.dof_joint_names),
        "raw_rad": np.array(raw).tolist(),
        "filtered_rad": np.array(filtered).tolist(),
        "taken_ms": (1e3 * np.array(taken_s)).tolist(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
