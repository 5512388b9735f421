"""Tiny networks for depth of `transformers`, drawn at random and written to a folder."""

from pathlib import Path
from typing import Any

import transformers as hf
from tiny_networks import drawn, save

_SIZE = {"height": 28, "width": 28}
_DINO = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "mlp_ratio": 1,
    "image_size": 28,
    "patch_size": 14,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
    "reshape_hidden_states": False,
    "apply_layernorm": True,
}
_NECK = {
    "reassemble_hidden_size": 16,
    "neck_hidden_sizes": [8, 8, 8, 8],
    "fusion_hidden_size": 8,
    "head_in_index": -1,
}


def depth_anything(folder: Path, **more: Any) -> Path:
    """A tiny Depth Anything, which gives inverse depth."""
    config = hf.DepthAnythingConfig(
        backbone_config=_DINO, patch_size=14, head_hidden_size=8, **_NECK, **more
    )
    processor = hf.DPTImageProcessor(size=_SIZE, ensure_multiple_of=14)
    return save(hf.DepthAnythingForDepthEstimation(config), folder, processor)


def dpt(folder: Path) -> Path:
    """A tiny DPT."""
    config = hf.DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
    )
    processor = hf.DPTImageProcessor(size={"height": 32, "width": 32})
    return save(hf.DPTForDepthEstimation(config), folder, processor)


def zoedepth(folder: Path) -> Path:
    """A tiny ZoeDepth."""
    backbone = {
        "model_type": "beit",
        "image_size": 32,
        "patch_size": 16,
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
        "reshape_hidden_states": False,
        "use_relative_position_bias": True,
    }
    config = hf.ZoeDepthConfig(
        backbone_config=backbone,
        backbone_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        bottleneck_features=8,
        num_attractors=[2, 1, 1, 1],
        bin_embedding_dim=8,
    )
    processor = hf.ZoeDepthImageProcessor(size={"height": 32, "width": 32}, ensure_multiple_of=16)
    return save(hf.ZoeDepthForDepthEstimation(config), folder, processor)


def glpn(folder: Path) -> Path:
    """A tiny GLPN."""
    config = hf.GLPNConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
    )
    return save(hf.GLPNForDepthEstimation(config), folder, hf.GLPNImageProcessor())


def depth_pro(folder: Path) -> Path:
    """A tiny Depth Pro."""
    vision = _DINO | {"patch_size": 8, "image_size": 16}
    vision = {k: v for k, v in vision.items() if k not in ("out_features", "reshape_hidden_states")}
    config = hf.DepthProConfig(
        patch_size=16,
        image_model_config=vision,
        patch_model_config=vision,
        fov_model_config=vision,
        fusion_hidden_size=16,
        intermediate_hook_ids=[2, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.2],
        scaled_images_feature_dims=[8, 8],
        use_fov_model=True,
    )
    processor = hf.DepthProImageProcessor(size={"height": 64, "width": 64})
    return save(hf.DepthProForDepthEstimation(config), folder, processor)


ESTIMATORS = drawn(
    depth_anything=depth_anything, depth_pro=depth_pro, dpt=dpt, glpn=glpn, zoedepth=zoedepth
)
