"""What `rotoscope record` does: episodes of a simulator, by its expert or by others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from rotoscope.models.simulators.behaviors import DEFAULT_NOISE, Behavior, behaving, starts
from rotoscope.models.simulators.simulator import Views, open_simulator
from rotoscope.pipeline.errors import UsageError


def record_demonstrations(
    env: str,
    out: Path,
    *,
    num_episodes: int,
    first_seed: int = 0,
    how: Behavior = "expert",
    noise: float = DEFAULT_NOISE,
    cameras: Sequence[str] | None = None,
    size_px: int = 96,
    num_labelled: int | None = None,
    as_videos: bool = False,
) -> int:
    """Records episodes of a simulator and says how many there are.

    Args:
        env: Simulator, such as `metaworld:push-v3`.
        out: Folder of the dataset, or of the videos.
        num_episodes: How many, from starts `first_seed` and above.
        first_seed: See `num_episodes`.
        how: Who acts.
        noise: 1-sigma of the noise of `how=noisy`, as a share of half an action's range.
        cameras: Which cameras; the simulator's first where not given, none where empty.
        size_px: Side of their square pictures.
        num_labelled: Of so many episodes the actions are told; of all where not given.
        as_videos: Plain mp4 files without states or actions instead of a dataset.

    Raises:
        UsageError: A number out of range, an unknown simulator or camera, none or several for
            videos, no expert where one is needed, hardly any episode that fails where failed ones
            are wanted, `out` is not empty, or labels asked for where videos have none.
    """
    # Notebooks name this function with all others that are public: FFmpeg waits until it is called.
    from rotoscope.models.simulators.record import record_dataset, record_videos

    for name, value, least in (
        ("--episodes", num_episodes, 1),
        ("--seed", first_seed, 0),
        ("--size", size_px, 16),
        ("--labeled", num_labelled or 0, 0),
    ):
        if value < least:
            raise UsageError(f"{name} {value} is too small; at least {least} is needed")
    if not 0 < noise <= 1:
        raise UsageError(f"--noise {noise:g} is no share of an action's range; 0 to 1 is allowed")
    if as_videos and num_labelled is not None:
        raise UsageError("videos hold no actions: leave --labeled out, or --videos")
    if size_px % 2:
        raise UsageError(f"--size {size_px} is odd; video needs an even number of pixels")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there and not empty; name another with --out, or remove it")
    names = _cameras(env, cameras)
    simulator = open_simulator(env, Views(cameras=names, width=size_px, height=size_px))
    try:
        act = behaving(simulator, how, noise)
        seeds = list(islice(starts(simulator, how, act, first_seed), num_episodes))
        if as_videos:
            return len(record_videos(simulator, act, seeds, out))
        known = num_episodes if num_labelled is None else num_labelled
        record_dataset(simulator, act, seeds, out, hide=lambda k: k >= known)
        return num_episodes
    finally:
        simulator.close()


def _cameras(env: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Names without those that are empty: `--camera ''` is how the command line says none."""
    if wanted is not None:
        return tuple(dict.fromkeys(name for name in wanted if name))
    bare = open_simulator(env)
    there = bare.facts.cameras
    bare.close()
    return there[:1]
