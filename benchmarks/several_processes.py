"""Two processes that train one network on the CPU, against one: weights, CPU time, steps.

An image network on drawn pictures, one thread a process, through gloo. Only ratios within a run:
the two share the cores of the machine with whatever else runs there.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks._object_store import free_port
from benchmarks._processes import ROOT, one_thread
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.processes import safe_python

_RUN = (
    f"import sys; from pathlib import Path; sys.path.insert(0, {str(ROOT)!r}); "
    "from benchmarks._shared_steps import main; main(Path(sys.argv[1]))"
)


def run() -> list[Figure]:
    """Measures all figures; takes about a minute on two cores."""
    with tempfile.TemporaryDirectory() as name:
        one, two = Path(name) / "one", Path(name) / "two"
        costs = [_train(one, 1), _train(two, 2)]
        weights = [_weights(folder) for folder in (one, two)]
    alone, shared = ([c["wall_s"] for c in cost] for cost in costs)
    cpu = [sum(c["cpu_s"] for c in cost) for cost in costs]
    off = max(float(np.abs(weights[0][n] - weights[1][n]).max()) for n in weights[0])
    size = max(float(np.abs(values).max()) for values in weights[0].values())
    return [
        Figure("several_processes.weights_off", off / size, "1", Bar("<=", 1e-4)),
        Figure("several_processes.cpu_over_one", cpu[1] / cpu[0], "x", Bar("<=", 1.3)),
        Figure("several_processes.steps_over_one", max(alone) / max(shared), "x"),
        Figure("several_processes.cpu_alone", cpu[0], "s"),
    ]


def _train(folder: Path, num: int) -> list[dict[str, float]]:
    folder.mkdir()
    shared = os.environ | one_thread() | {"CUDA_VISIBLE_DEVICES": ""}
    if num > 1:
        shared |= {"WORLD_SIZE": str(num), "LOCAL_WORLD_SIZE": str(num)}
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    running = []
    for index in range(num):
        own = {"RANK": str(index), "LOCAL_RANK": str(index)} if num > 1 else {}
        command = [*safe_python(), "-c", _RUN, str(folder)]
        running.append(subprocess.Popen(command, env=shared | own, cwd=ROOT))
    if any([process.wait(timeout=600) for process in running]):
        raise SystemExit("a process that trained failed")
    return [json.loads((folder / f"cost-{k}.json").read_text()) for k in range(num)]


def _weights(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "weights-0.npz") as found:
        return dict(found)
