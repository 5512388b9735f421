"""OmniRetarget (holosoma-retargeting) on its clips: `run_omniretarget.py CLIPS FRAMES OUT.json`.

The package's own entry point with its own options for a robot alone; only the number of frames is
cut, after everything that looks at the whole clip.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import holosoma_retargeting
import numpy as np
from holosoma_retargeting.config_types.retargeting import RetargetingConfig
from holosoma_retargeting.examples import robot_retarget

PACKAGE = Path(holosoma_retargeting.__file__).parent


class _Timed(robot_retarget.InteractionMeshRetargeter):
    """The retargeter over fewer frames, with the process's CPU time at the end of each."""

    num_frames = 0
    ends_s: list[float]

    def retarget_motion(self, **options: Any) -> None:
        for name in ("human_joint_motions", "object_poses", "object_poses_augmented"):
            options[name] = options[name][: self.num_frames]
        type(self).ends_s = [time.process_time()]
        super().retarget_motion(**options)

    def iterate(self, **options: Any) -> Any:
        result = super().iterate(**options)
        self.ends_s.append(time.process_time())
        return result


def main(clips: str, num_frames: str, out: str) -> None:
    """Runs each clip; the first frame, which gets five times the iterations, comes first."""
    os.chdir(PACKAGE)  # its models are named relative to it
    _Timed.num_frames = int(num_frames)
    robot_retarget.InteractionMeshRetargeter = _Timed
    rows = {clip: run(clip) for clip in clips.split(",")}
    Path(out).write_text(json.dumps(rows))


def run(clip: str) -> dict[str, Any]:
    """One clip."""
    with tempfile.TemporaryDirectory() as folder:
        robot_retarget.main(
            RetargetingConfig(
                task_type="robot_only",
                task_name=clip,
                data_path=PACKAGE / "demo_data" / "OMOMO_new",
                save_dir=Path(folder),
            )
        )
        with np.load(Path(folder) / f"{clip}.npz") as file:
            qpos = file["qpos"]
    return {"qpos": qpos.tolist(), "taken_ms": (1e3 * np.diff(_Timed.ends_s)).tolist()}


if __name__ == "__main__":
    main(*sys.argv[1:])
