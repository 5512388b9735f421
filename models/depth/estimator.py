"""Depth of a picture by a network of `transformers`, in the network's own units."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.folder import (
    Checkpoint,
    checkpoint_at,
    load_network,
    load_processor,
)
from rotoscope.models.depth.by_hands import Output
from rotoscope.pipeline.errors import UsageError

SETTING = "depth.network.model"
FAMILIES: dict[str, Output | None] = {
    "depth_anything": None,
    "depth_pro": "depth",
    "dpt": None,
    "glpn": "depth",
    "zoedepth": "depth",
}
"""What networks of a model type give; `None` where that depends on the weights."""


def estimator_at(folder: Path, output: Output | None) -> tuple[Checkpoint, Output]:
    """The network in a folder, none of its weights read, and what it gives.

    Args:
        folder: What the user gave.
        output: What the user says that it gives, `None` where it is to be known.

    Raises:
        UsageError: There is none, or what it gives is not known.
    """
    found = checkpoint_at(folder, SETTING, FAMILIES, wanted="a network for depth")
    if output is not None:
        return found, output
    if found.model_type == "depth_anything":
        kind = found.config.get("depth_estimation_type", "relative")
        return found, "depth" if kind == "metric" else "inverse"
    known = FAMILIES[found.model_type]
    if known is None:
        raise UsageError(
            f"{SETTING}={folder} is a {found.model_type}, which gives depth or inverse depth, as "
            "it was trained; say depth.network.output=inverse (MiDaS) or depth (NYU, KITTI)"
        )
    return found, known


class TransformersDepth:
    """Depth Pro, ZoeDepth, GLPN, DPT or Depth Anything."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        """Loads it.

        Raises:
            UsageError: It cannot be loaded, or there is no such device.
        """
        self._network = load_network(checkpoint, "AutoModelForDepthEstimation", device)
        self._processor = load_processor(checkpoint, "AutoImageProcessor")
        asked = inspect.signature(self._processor.post_process_depth_estimation).parameters
        self._needs_source = "source_sizes" in asked

    def values(
        self, picture: UInt8[np.ndarray, "height width 3"]
    ) -> Float[np.ndarray, "height width"]:
        """What it says of every pixel."""
        import torch

        size = [picture.shape[:2]]
        inputs = self._processor(images=picture, return_tensors="pt")
        more = {"source_sizes": size} if self._needs_source else {}
        with torch.inference_mode():
            said = self._network(**inputs.to(self._network.device))
            (found,) = self._processor.post_process_depth_estimation(
                said, target_sizes=size, **more
            )
        values = found["predicted_depth"].float().cpu().numpy().astype(float)
        return np.where(np.isfinite(values), values, np.nan)
