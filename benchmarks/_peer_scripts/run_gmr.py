"""GMR on bodies of SMPL-X: `run_gmr.py CHECKOUT HEIGHT REPEATS CLIPS.npz OUT.json`.

Its own class with its own configuration for SMPL-X and the G1, frame after frame as its script
`smplx_to_robot.py` does; viewer and loaders, which need packages that are no part of the work, are
left out.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np


def main(checkout: str, height_m: str, repeats: str, clips: str, out: str) -> None:
    """Runs each clip; models are loaded before the clock starts."""
    package = types.ModuleType("general_motion_retargeting")
    package.__path__ = [str(Path(checkout) / "general_motion_retargeting")]
    sys.modules[package.__name__] = package
    gmr = importlib.import_module("general_motion_retargeting.motion_retarget")
    rows = {}
    with np.load(clips) as file:
        for clip in sorted({key.split("/")[0] for key in file.files}):
            keys = [key for key in file.files if key.startswith(f"{clip}/")]
            bodies = {key.split("/")[1]: file[key] for key in keys}
            made = [run(gmr, float(height_m), bodies) for _ in range(int(repeats))]
            rows[clip] = min(made, key=lambda one: one["taken_ms"])
    Path(out).write_text(json.dumps(rows))


def run(gmr: Any, height_m: float, bodies: dict[str, np.ndarray]) -> dict[str, Any]:
    """One clip: robot configurations, and CPU time a frame [ms]."""
    with contextlib.redirect_stdout(None):
        retargeting = gmr.GeneralMotionRetargeting(
            src_human="smplx", tgt_robot="unitree_g1", actual_human_height=height_m
        )
        num = len(next(iter(bodies.values())))
        frames = [{n: (b[t, :3], b[t, 3:]) for n, b in bodies.items()} for t in range(num)]
        start = time.process_time()
        qpos = [retargeting.retarget(frame) for frame in frames]
        taken_ms = 1e3 * (time.process_time() - start) / num
    return {"qpos": np.array(qpos).tolist(), "taken_ms": taken_ms}


if __name__ == "__main__":
    main(*sys.argv[1:])
