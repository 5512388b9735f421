"""Masks by a video segmenter of `transformers`: SAM 2, SAM 3's tracker or EdgeTAM."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.folder import (
    Checkpoint,
    checkpoint_at,
    load_network,
    load_processor,
)
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.prompts import Prompt
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.packages import ABSENT, version_of

SETTING = "objects.network.model"
FAMILIES = {
    "edgetam_video": ("EdgeTamVideoModel", "Sam2VideoProcessor"),
    "sam2_video": ("Sam2VideoModel", "Sam2VideoProcessor"),
    "sam3_tracker_video": ("Sam3TrackerVideoModel", "Sam3TrackerVideoProcessor"),
    "sam3_video": ("Sam3TrackerVideoModel", "Sam3TrackerVideoProcessor"),
}
"""Network and processor by model type. A checkpoint of SAM 3 holds its tracker, and a detector."""

_ALONE = frozenset({"edgetam_video"})
"""Families whose scores of a thing given by its mask have another shape than those of the others
(transformers 5.23): there each thing is followed by itself."""

_ByThing = dict[int, Prompt]


def segmenter_at(folder: Path) -> Checkpoint:
    """The segmenter in a folder, none of its weights read.

    Raises:
        UsageError: There is none, or it needs a package that is not installed.
    """
    found = checkpoint_at(folder, SETTING, FAMILIES, wanted="a video segmenter")
    vision = found.config.get("vision_config") or {}
    backbone = vision.get("backbone_config") or {}
    if backbone.get("model_type") == "timm_wrapper" and version_of("timm") == ABSENT:
        raise UsageError(
            f"{SETTING}={folder} ({found.model_type}) looks at pictures with a network of the "
            "package timm, which is not installed; `pip install timm`"
        )
    return found


class TransformersSegmenter:
    """Follows things from their prompts to both ends of a window, one picture at a time.

    What is remembered of a picture is dropped when the network looks back to it no more, so that
    memory does not grow with the window.
    """

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        """Loads it.

        Raises:
            UsageError: It cannot be loaded, or there is no such device.
        """
        network, processor = FAMILIES[checkpoint.model_type]
        self._network = load_network(checkpoint, network, device)
        self._processor = load_processor(checkpoint, processor)
        config = self._network.config
        self._is_alone = checkpoint.model_type in _ALONE
        self._looks_back = max(config.num_maskmem, config.max_object_pointers_in_encoder) + 1

    def masks(
        self,
        pictures: Sequence[UInt8[np.ndarray, "large_height large_width 3"]],
        things: Sequence[Sequence[Prompt]],
        shape: tuple[int, int],
    ) -> list[list[Mask]]:
        """See `Segmenter.masks`."""
        if self._is_alone and len(things) > 1:
            return [mask for one in things for mask in self.masks(pictures, [one], shape)]
        out = [[np.zeros(shape, bool) for _ in pictures] for _ in things]
        if not things:
            return out
        firsts = [min(prompts, key=lambda one: one.frame) for prompts in things]
        backward: dict[int, _ByThing] = {}
        forward: dict[int, _ByThing] = {}
        for thing, prompts in enumerate(things):
            if firsts[thing].mask is None and firsts[thing].frame > 0:
                backward.setdefault(firsts[thing].frame, {})[thing] = firsts[thing]
            for prompt in prompts:
                forward.setdefault(prompt.frame, {})[thing] = prompt
        for order, given in (
            (range(max(backward, default=-1), -1, -1), backward),
            (range(min(forward), len(pictures)), forward),
        ):
            for frame, thing, mask in self._follow(pictures, order, given, shape):
                out[thing][frame] = mask
        return out

    def _follow(
        self,
        pictures: Sequence[np.ndarray],
        order: Iterable[int],
        given: dict[int, _ByThing],
        shape: tuple[int, int],
    ) -> Iterable[tuple[int, int, Mask]]:
        """Frame, thing and mask, in an order of pictures, from where each thing is first given."""
        import torch

        network, known = self._network, 0
        session = self._processor.init_video_session(
            inference_device=network.device, dtype=network.dtype
        )
        for step, frame in enumerate(order):
            prompts = given.get(frame, {})
            if not (prompts or known):
                continue
            for thing, prompt in prompts.items():
                self._give(session, step, thing, prompt, pictures[frame].shape[:2])
            # Each call of the processor's forgets whom the one before was about.
            session.obj_with_new_inputs = list(prompts)
            known = session.get_obj_num()
            pixels = self._processor(images=pictures[frame], return_tensors="pt").pixel_values
            with torch.inference_mode():
                said = network(
                    inference_session=session,
                    frame_idx=step,
                    frame=pixels.to(network.device, network.dtype),
                )
                scores = torch.nn.functional.interpolate(
                    said.pred_masks.float(), size=shape, mode="bilinear", align_corners=False
                )
            found = (scores[:, 0] > 0).cpu().numpy()
            yield from ((frame, t, m) for t, m in zip(said.object_ids, found, strict=True))
            self._forget(session, step)

    def _give(
        self, session: Any, step: int, thing: int, prompt: Prompt, shape: tuple[int, int]
    ) -> None:
        inputs: dict[str, Any] = {"inference_session": session, "frame_idx": step, "obj_ids": thing}
        if prompt.mask is not None:
            self._processor.add_inputs_to_inference_session(**inputs, input_masks=prompt.mask)
            return
        size = np.array(shape[::-1])
        if len(prompt.points):
            inputs["input_points"] = [[(prompt.points * size).tolist()]]
            inputs["input_labels"] = [[prompt.is_on.astype(int).tolist()]]
        if prompt.box is not None:
            inputs["input_boxes"] = [[(prompt.box * np.tile(size, 2)).tolist()]]
        self._processor.add_inputs_to_inference_session(**inputs, original_size=shape)

    def _forget(self, session: Any, step: int) -> None:
        session.processed_frames.clear()
        for memory in session.output_dict_per_obj.values():
            others = memory["non_cond_frame_outputs"]
            for old in list(itertools.takewhile(lambda t: t < step - self._looks_back, others)):
                del others[old]
