"""What `rotoscope record` does: demonstrations of a simulator's scripted expert."""

from __future__ import annotations

from pathlib import Path

from rotoscope.models.simulators.record import record_dataset, record_videos
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import Views, open_simulator
from rotoscope.pipeline.errors import UsageError


def record_demonstrations(
    env: str,
    out: Path,
    *,
    num_episodes: int,
    first_seed: int = 0,
    camera: str | None = None,
    size_px: int = 96,
    num_labelled: int | None = None,
    as_videos: bool = False,
) -> int:
    """Records episodes of a simulator's teacher and says how many there are.

    Args:
        env: Simulator, such as `metaworld:push-v3`.
        out: Folder of the dataset, or of the videos.
        num_episodes: How many, from starts `first_seed` and above.
        first_seed: See `num_episodes`.
        camera: Which camera; the simulator's first where not given, none where empty.
        size_px: Side of its square pictures.
        num_labelled: Of so many episodes the actions are told; of all where not given.
        as_videos: Plain mp4 files without states or actions instead of a dataset.

    Raises:
        UsageError: A number out of range, an unknown simulator or camera, no camera for videos,
            `out` is not empty, or labels asked for where videos have none.
    """
    for name, value, least in (
        ("--episodes", num_episodes, 1),
        ("--seed", first_seed, 0),
        ("--size", size_px, 16),
        ("--labeled", num_labelled or 0, 0),
    ):
        if value < least:
            raise UsageError(f"{name} {value} is too small; at least {least} is needed")
    if as_videos and num_labelled is not None:
        raise UsageError("videos hold no actions: leave --labeled out, or --videos")
    if size_px % 2:
        raise UsageError(f"--size {size_px} is odd; video needs an even number of pixels")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there and not empty; name another with --out, or remove it")
    bare = open_simulator(env)
    there = bare.facts.cameras
    bare.close()
    names = there[:1] if camera is None else (camera,) if camera else ()
    simulator = open_simulator(env, Views(cameras=names, width=size_px, height=size_px))
    seeds = range(first_seed, first_seed + num_episodes)
    try:
        if as_videos:
            return len(record_videos(simulator, scripted_expert(simulator), seeds, out))
        known = num_episodes if num_labelled is None else num_labelled
        record_dataset(simulator, scripted_expert(simulator), seeds, out, hide=lambda k: k >= known)
        return num_episodes
    finally:
        simulator.close()
