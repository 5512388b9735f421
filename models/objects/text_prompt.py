"""Things by their names: a detector of `transformers` finds boxes for words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.folder import (
    Checkpoint,
    checkpoint_at,
    load_network,
    load_processor,
)

SETTING = "objects.network.detector"
FAMILIES = {
    "grounding-dino": ("GroundingDinoForObjectDetection", "GroundingDinoProcessor"),
    "mm-grounding-dino": ("MMGroundingDinoForObjectDetection", "GroundingDinoProcessor"),
    "owlv2": ("Owlv2ForObjectDetection", "Owlv2Processor"),
    "owlvit": ("OwlViTForObjectDetection", "OwlViTProcessor"),
    "sam3": ("Sam3Model", "Sam3Processor"),
    "sam3_video": ("Sam3Model", "Sam3Processor"),
}
"""Network and processor by model type."""
_SAME_BOX = 0.5
"""Boxes that overlap by more of their union are of one thing."""


@dataclass(frozen=True, eq=False)
class Box:
    """Where a detector sees a named thing."""

    name: str
    corners: Float[np.ndarray, " 4"]
    """Left, top, right, bottom [shares of the picture]."""
    score: float
    """How sure it is, 0..1."""


@runtime_checkable
class Detector(Protocol):
    """A network that finds things by their names."""

    def boxes(self, picture: UInt8[np.ndarray, "height width 3"], name: str) -> list[Box]:
        """Where it sees things of that name, the surest first, each once."""


def detector_at(folder: Path) -> Checkpoint:
    """The detector in a folder, none of its weights read.

    Raises:
        UsageError: There is none.
    """
    return checkpoint_at(folder, SETTING, FAMILIES, wanted="a detector of things by their names")


class TransformersDetector:
    """Grounding DINO, OWLv2, OWL-ViT or the detector of SAM 3."""

    def __init__(self, checkpoint: Checkpoint, device: Device, min_score: float) -> None:
        """Loads it.

        Raises:
            UsageError: It cannot be loaded, or there is no such device.
        """
        network, processor = FAMILIES[checkpoint.model_type]
        self._is_dino = "dino" in checkpoint.model_type
        self._is_sam3 = checkpoint.model_type.startswith("sam3")
        self._network = load_network(checkpoint, network, device)
        self._processor = load_processor(checkpoint, processor)
        self._min_score = min_score

    def boxes(self, picture: UInt8[np.ndarray, "height width 3"], name: str) -> list[Box]:
        """See `Detector.boxes`."""
        import torch

        # Grounding DINO was trained on lowercase words that end with a dot.
        words: Any = f"{name.lower()}." if self._is_dino else name if self._is_sam3 else [[name]]
        inputs = self._processor(images=picture, text=words, return_tensors="pt")
        height, width = picture.shape[:2]
        asked = {"threshold": self._min_score, "target_sizes": [(height, width)]}
        with torch.inference_mode():
            said = self._network(**inputs.to(self._network.device))
            if self._is_sam3:
                (found,) = self._processor.post_process_object_detection(said, **asked)
            elif self._is_dino:
                (found,) = self._processor.post_process_grounded_object_detection(
                    said, inputs["input_ids"], text_threshold=self._min_score, **asked
                )
            else:
                (found,) = self._processor.post_process_grounded_object_detection(said, **asked)
        corners = found["boxes"].float().cpu().numpy().reshape(-1, 4) / np.tile([width, height], 2)
        scores = found["scores"].float().cpu().numpy()
        out = [Box(name, c, float(s)) for c, s in zip(corners, scores, strict=True)]
        return each_once(out)


def each_once(boxes: list[Box]) -> list[Box]:
    """The boxes, clipped to the picture, the surest of those that overlap much; none without area.

    Boxes of numbers that are not finite are none.
    """
    out: list[Box] = []
    for box in sorted(boxes, key=lambda one: -one.score):
        corners = np.clip(box.corners, 0.0, 1.0)
        if not np.isfinite(corners).all() or (corners[2:] <= corners[:2]).any():
            continue
        if all(overlap(corners, other.corners) <= _SAME_BOX for other in out):
            out.append(Box(box.name, corners, box.score))
    return out


def overlap(a: Float[np.ndarray, " 4"], b: Float[np.ndarray, " 4"]) -> float:
    """Intersection over union of two boxes."""
    inner = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(np.maximum(inner, 0)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / union if union > 0 else 0.0
