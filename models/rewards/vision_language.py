"""How much a picture looks like a sentence: a network of pictures and words, from a local folder.

The reward of VLM-RM (Rocamonde et al. 2024, 2310.12921, equation 4): what a picture and the goal
have in common counts along the line from a sentence that always holds to the one that holds in the
end, so that what does not change (a table, a room) counts less.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.folder import checkpoint_at, load_network, load_processor

FAMILIES = {
    "clip": ("CLIPModel", "CLIPProcessor"),
    "siglip": ("SiglipModel", "SiglipProcessor"),
    "siglip2": ("Siglip2Model", "Siglip2Processor"),
}
"""Network and processor by model type."""
SETTING = "--network"
_ALONG = 0.5
"""Share of the projection on the line between both sentences; VLM-RM's figures are flat around
it, nothing was chosen here."""
_BATCH = 32


@dataclass(frozen=True, eq=False)
class VisionLanguage:
    """A network and two sentences."""

    network: Any
    """Gives a vector for a picture and for a sentence."""
    processor: Any
    """Brings both into the network's form."""
    goal: Float[np.ndarray, " number"]
    """Unit vector of the sentence that holds in the end."""
    always: Float[np.ndarray, " number"]
    """Unit vector of the one that holds throughout."""

    def reward(self, images: UInt8[np.ndarray, "row height width 3"]) -> Float[np.ndarray, " row"]:
        """1 where a picture is the goal, less the further it is; at most 1."""
        import torch

        out = []
        for start in range(0, len(images), _BATCH):
            # A copy: pictures may come from a memory map that torch must not write to.
            part = list(np.array(images[start : start + _BATCH]))
            batch = self.processor(images=part, return_tensors="pt")
            with torch.inference_mode():
                found = self.network.get_image_features(**batch.to(self.network.device))
            out.append(_units(found))
        return rewards_of(np.concatenate(out), self.goal, self.always)


def open_vision_language(
    folder: Path, goal: str, always: str, device: Device = "auto"
) -> VisionLanguage:
    """A network of `transformers` and what it is asked.

    Args:
        folder: What `save_pretrained` wrote; nothing is downloaded.
        goal: A sentence that holds when the task is done: `an open drawer`.
        always: One that holds throughout: `a drawer`.
        device: Where it looks.

    Raises:
        UsageError: There is no such network in the folder, or it cannot be read.
    """
    import torch

    wanted = "a network of pictures and words"
    checkpoint = checkpoint_at(folder, SETTING, FAMILIES, wanted=wanted)
    network_class, processor_class = FAMILIES[checkpoint.model_type]
    network = load_network(checkpoint, network_class, device)
    processor = load_processor(checkpoint, processor_class)
    words = processor(
        text=[goal, always], return_tensors="pt", padding="max_length", truncation=True
    )
    with torch.inference_mode():
        said = _units(network.get_text_features(**words.to(network.device)))
    return VisionLanguage(network, processor, said[0], said[1])


def rewards_of(
    pictures: Float[np.ndarray, "row number"],
    goal: Float[np.ndarray, " number"],
    always: Float[np.ndarray, " number"],
) -> Float[np.ndarray, " row"]:
    """1 less half the squared distance of each picture, in part projected, to the goal."""
    line = goal - always
    square = float(line @ line)
    if square < 1e-12:
        return np.asarray(1 - 0.5 * ((pictures - goal) ** 2).sum(1))
    along = always + ((pictures - always) @ line / square)[:, None] * line
    mixed = _ALONG * along + (1 - _ALONG) * pictures
    return np.asarray(1 - 0.5 * ((mixed - goal) ** 2).sum(1))


def _units(found: Any) -> Float[np.ndarray, "row number"]:
    """Vectors of length 1, whether the network gives them bare or as one of its outputs."""
    vectors = getattr(found, "pooler_output", found).float().cpu().numpy().astype(float)
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
