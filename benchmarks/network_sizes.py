"""What the sizes of networks are: weights, arithmetic a frame, and CPU time a frame in training.

64 pixels a side; a labeler's frame is one of the three of its window, a latent action model's one
of the seven of a clip. No GPU is asked for: the arithmetic says what one would need.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.figure import Bar, Figure

SIDE_PX, CLIPS = 64, 1
_WARMED_WEIGHTS = 30e6


def run() -> list[Figure]:
    """Counts and times all of them; a minute or two, most of it the large ones."""
    import torch

    torch.set_num_threads(1)
    out = []
    for kind, (build, frames) in _kinds().items():
        for size in ("small", "base", "large"):
            with torch.device("meta"):
                module = build(size)
            num = sum(p.numel() for p in module.parameters() if p.requires_grad)
            bar = Bar(">=", 100.0) if size == "large" else None
            out.append(Figure(f"network_sizes.{kind}.{size}.weights", num / 1e6, "M", bar))
            gigaflop, cpu_s = _step(build(size), kind, frames)
            out.append(Figure(f"network_sizes.{kind}.{size}.step", gigaflop, "GFLOP/frame"))
            out.append(Figure(f"network_sizes.{kind}.{size}.cpu", 1e3 * cpu_s, "ms/frame"))
    return out


def _kinds() -> dict[str, tuple[Callable[[Any], Any], int]]:
    from rotoscope.models.inverse_dynamics.networks import build_network
    from rotoscope.models.latent_actions.config import LatentActionConfig
    from rotoscope.models.latent_actions.networks import build_latent_network
    from rotoscope.models.policy.bc_network import build_policy, image_network

    def labeler(size: Any) -> Any:
        return build_network(
            num_inputs=0, num_taps=3, num_encoded=7, num_actions=7, hidden=128, size=size
        )

    def policy(size: Any) -> Any:
        return build_policy(
            num_inputs=7, encoder=image_network(size), hidden=(256, 256), num_outputs=7, size=size
        )

    def latent(size: Any) -> Any:
        config = LatentActionConfig(size=size)
        return build_latent_network(config, num_features=0, num_embodiments=1, num_targets=0)

    return {"labeler": (labeler, 3), "policy": (policy, 1), "latent": (latent, 7)}


def _step(module: Any, kind: str, frames: int) -> tuple[float, float]:
    """Arithmetic of a step for each frame [GFLOP], and its CPU time [s]."""
    from torch.utils.flop_counter import FlopCounterMode

    def step() -> None:
        _loss(module, kind, frames).backward()

    if sum(p.numel() for p in module.parameters()) < _WARMED_WEIGHTS:
        step()  # what is set up once is not counted where it would show
    began = time.process_time()
    with FlopCounterMode(display=False) as counted:
        step()
    spent_s = time.process_time() - began
    num = CLIPS * frames
    return counted.get_total_flops() / 1e9 / num, spent_s / num


def _loss(module: Any, kind: str, frames: int) -> Any:
    import torch

    from rotoscope.models.inverse_dynamics.networks import run_network, with_motion
    from rotoscope.models.latent_actions.config import LatentActionConfig
    from rotoscope.models.latent_actions.losses import VideoTensors, clip_losses
    from rotoscope.models.policy.bc_network import run_policy

    images = torch.randint(0, 255, (CLIPS, frames, SIDE_PX, SIDE_PX, 3), dtype=torch.uint8)
    if kind == "labeler":
        seen = module["encoder"](with_motion(images, images).flatten(0, 1))
        said = run_network(module, torch.zeros(CLIPS, 0), seen.unflatten(0, (CLIPS, frames)))
        return said.square().mean()
    if kind == "policy":
        return run_policy(module, torch.zeros(CLIPS, 7), images[:, 0], chunk=1).square().mean()
    num = CLIPS * frames
    nothing = torch.zeros(num, 0)
    data = VideoTensors(
        images=images.flatten(0, 1),
        features=None,
        targets=nothing,
        target_step=torch.zeros(0),
        points=torch.zeros(num, 0, 2),
        point_step=torch.zeros(0, 2),
        embodiment=torch.zeros(num, dtype=torch.long),
    )
    rows = torch.arange(num).view(CLIPS, frames)
    return clip_losses(module, data, rows, LatentActionConfig(), gaps=1).total


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
