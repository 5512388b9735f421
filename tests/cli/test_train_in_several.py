"""`rotoscope train` under a launcher: two processes, one folder, one voice."""

import os
import subprocess
import sys

import pytest

from benchmarks._object_store import free_port
from benchmarks._small_dataset import publish_small
from rotoscope.models.inverse_dynamics.labeler import load_labeler

LIMIT_S = 400
LAUNCHERS = {
    "accelerate": (
        *("accelerate.commands.launch", "--main_process_port", "--multi_gpu"),
        *("--num_processes", "2", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
    ),
    "torchrun": ("torch.distributed.run", "--master-port", "--nproc-per-node", "2"),
}
"""Module, the option that names a port, and the others."""
SETTINGS = [
    *("camera=observation.images.front", "image_size=16", "inputs=[observation.state]"),
    *("kind=mlp", "members=2", "window.before_s=0.04", "window.after_s=0.07"),
    *("loop.num_steps=12", "loop.eval_every=6", "loop.batch_size=9", "loop.device=cpu"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("small") / "ds"
    publish_small(out, episodes=4, rows=40)
    return out


def start(launcher, *words, folder):
    """Runs the command, by a launcher or by itself, to its end."""
    module = ["rotoscope.cli.main"]
    if launcher is not None:
        name, option, *more = LAUNCHERS[launcher]
        module = [name, option, str(free_port()), *more, "-m", *module]
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, "-m", *module, *map(str, words)],
        env=env | {"XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def train(launcher, data, out, *more):
    given = [word for setting in (*SETTINGS, *more) for word in ("-o", setting)]
    words = ("train", "inverse-dynamics", "--data", data, "--out", out, *given)
    return start(launcher, *words, folder=out.parent)


@pytest.mark.slow
@pytest.mark.timeout(3 * LIMIT_S)
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_labeler_of_two_processes_is_that_of_one_told_once(data, tmp_path, launcher):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one = train(None, data, tmp_path / "one" / "labeler")
    two = train(launcher, data, tmp_path / "two" / "labeler")
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    told = [line.partition("  frames/s")[0] for line in two.stdout.splitlines()]
    assert len(told) == len(one.stdout.splitlines()), two.stdout
    assert two.stderr.count("decoded ") == 1
    assert "find_unused_parameters" not in two.stderr
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["cache", "labeler"]
    first, second = (load_labeler(tmp_path / name / "labeler") for name in ("one", "two"))
    for here, there in zip(first.members, second.members, strict=True):
        for name, values in here.items():
            assert values == pytest.approx(there[name], abs=1e-4), name


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("loop.batch_size=1", "batches have 1 rows"),
        ("camera=observation.images.none", "has no camera"),
    ],
)
def test_error_is_told_once_and_ends_both(data, tmp_path, setting, said):
    done = train("torchrun", data, tmp_path / "labeler", setting)
    assert done.returncode != 0
    assert done.stderr.count("rotoscope: ") == 1, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "labeler").exists()


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_labeling_in_several_processes_is_refused_once(data, tmp_path):
    done = start("torchrun", "doctor", data, folder=tmp_path)
    assert done.stderr.count("'rotoscope doctor' runs in one process, and a launcher") == 1
