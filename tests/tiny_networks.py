"""Networks of `transformers` of a few thousand numbers, drawn at random and written to a folder.

They say nothing of the world; that a network of their kind is loaded, asked and read rightly they
show as well as a large one.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers as hf

SIDE = 64
"""Pixels of the tiny segmenters' pictures, across and down."""
_MEMORY = {
    "memory_attention_hidden_size": 128,
    "memory_attention_num_layers": 1,
    "memory_attention_num_attention_heads": 1,
    "memory_encoder_hidden_size": 128,
    "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": 128,
    "memory_fuser_embed_dim": 128,
    "memory_fuser_intermediate_dim": 16,
    "memory_fuser_num_layers": 1,
}
_DECODER = {
    "hidden_size": 128,
    "mlp_dim": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 16,
}
_PYRAMID = {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 128}


def _prompts(side: int, patch: int) -> dict[str, Any]:
    return {"hidden_size": 128, "image_size": side, "patch_size": patch, "mask_input_channels": 4}


def save(network: Any, folder: Path, *processors: Any) -> Path:
    """Writes a network and what prepares its pictures."""
    network.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return folder


def _sam2_processor(side: int = SIDE) -> Any:
    size = {"height": side, "width": side}
    return hf.Sam2VideoProcessor(
        hf.Sam2ImageProcessor(size=size), hf.Sam2VideoVideoProcessor(size=size)
    )


def sam2(folder: Path) -> Path:
    """A tiny SAM 2."""
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 1, 1],
        "window_size_per_stage": [8, 4, 4, 4],
        "global_attention_blocks": [3],
    }
    vision = {"backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], **_PYRAMID}
    config = hf.Sam2VideoConfig(
        vision_config={"model_type": "sam2_vision_model", **vision},
        prompt_encoder_config=_prompts(SIDE, 16),
        mask_decoder_config=_DECODER,
        image_size=SIDE,
        memory_attention_feed_forward_hidden_size=16,
        memory_attention_rope_feat_sizes=[4, 4],
        **_MEMORY,
    )
    return save(hf.Sam2VideoModel(config), folder, _sam2_processor())


class _Levels(hf.PreTrainedModel):
    """Stands for the backbone that EdgeTAM takes from the package timm: four levels of features."""

    config_class = type("LevelsConfig", (hf.PreTrainedConfig,), {"model_type": "levels"})

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        steps = [(3, 8, 4), (8, 16, 2), (16, 32, 2), (32, 64, 2)]
        self.steps = torch.nn.ModuleList(torch.nn.Conv2d(a, b, s, s) for a, b, s in steps)
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> Any:
        levels = []
        for step in self.steps:
            pixel_values = step(pixel_values).tanh()
            levels.append(pixel_values)
        return hf.modeling_outputs.BaseModelOutput(last_hidden_state=levels)


hf.AutoConfig.register("levels", _Levels.config_class)
hf.AutoModel.register(_Levels.config_class, _Levels)


def edgetam(folder: Path) -> Path:
    """A tiny EdgeTAM."""
    vision = {"backbone_config": {"model_type": "levels"}, "backbone_channel_list": [64, 32, 16, 8]}
    config = hf.EdgeTamVideoConfig(
        vision_config={"model_type": "edgetam_vision_model", **vision, **_PYRAMID},
        prompt_encoder_config=_prompts(SIDE, 16),
        mask_decoder_config=_DECODER,
        image_size=SIDE,
        memory_attention_mlp_hidden_size=16,
        memory_attention_rope_feat_sizes=[4, 4],
        perceiver_resampler_hidden_size=64,
        perceiver_resampler_mlp_intermediate_size=16,
        perceiver_resampler_num_latents=4,
        perceiver_resampler_num_latents_2d=4,
        memory_attention_rope_k_sizes=[2, 2],
        **_MEMORY,
    )
    return save(hf.EdgeTamVideoModel(config), folder, _sam2_processor())


_SAM3_SIDE = 56
_SAM3_VISION = {
    "model_type": "sam3_vision_model",
    "backbone_config": {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": _SAM3_SIDE,
        "pretrain_image_size": _SAM3_SIDE,
        "patch_size": 14,
        "window_size": 2,
        "global_attn_indexes": [1],
    },
    **_PYRAMID,
}


def _sam3_tracker_settings() -> dict[str, Any]:
    return {
        "vision_config": _SAM3_VISION,
        "prompt_encoder_config": _prompts(_SAM3_SIDE, 14),
        "mask_decoder_config": _DECODER,
        "image_size": _SAM3_SIDE,
        "memory_attention_feed_forward_hidden_size": 16,
        "memory_attention_rope_feat_sizes": [4, 4],
        **_MEMORY,
    }


def _sam3_processors() -> tuple[Any, Any]:
    size = {"height": _SAM3_SIDE, "width": _SAM3_SIDE}
    return hf.Sam3ImageProcessor(size=size), hf.Sam2VideoVideoProcessor(size=size)


def sam3_tracker(folder: Path) -> Path:
    """A tiny tracker of SAM 3."""
    config = hf.Sam3TrackerVideoConfig(**_sam3_tracker_settings())
    processor = hf.Sam3TrackerVideoProcessor(*_sam3_processors())
    return save(hf.Sam3TrackerVideoModel(config), folder, processor)


_CLIP_TEXT = {
    "vocab_size": 16,
    "hidden_size": 32,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _clip_words() -> Any:
    """A tokenizer that knows a few letters."""
    letters = ["<pad>", "<|startoftext|>", "<|endoftext|>", *"cupred", *(f"{x}</w>" for x in "pd")]
    vocab = {word: number for number, word in enumerate(letters)}
    return hf.CLIPTokenizer(
        vocab=vocab, merges=[], unk_token="<pad>", pad_token="<pad>", model_max_length=32
    )


def _sam3_detector_settings() -> dict[str, Any]:
    layer = {"hidden_size": 128, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return {
        "vision_config": _SAM3_VISION,
        "text_config": {"model_type": "clip_text_model", "projection_dim": 32, **_CLIP_TEXT},
        "geometry_encoder_config": layer,
        "detr_encoder_config": layer,
        "detr_decoder_config": layer | {"num_queries": 5},
        "mask_decoder_config": {"hidden_size": 128, "num_attention_heads": 2},
    }


def sam3(folder: Path) -> Path:
    """A tiny SAM 3 as a whole: detector and tracker."""
    config = hf.Sam3VideoConfig(
        detector_config=_sam3_detector_settings(), tracker_config=_sam3_tracker_settings()
    )
    processor = hf.Sam3VideoProcessor(*_sam3_processors(), _clip_words())
    return save(hf.Sam3VideoModel(config), folder, processor)


def sam3_image(folder: Path) -> Path:
    """The detector of a tiny SAM 3 alone."""
    network = hf.Sam3Model(hf.Sam3Config(**_sam3_detector_settings()))
    return save(network, folder, hf.Sam3Processor(_sam3_processors()[0], _clip_words()))


def _owl(folder: Path, kind: str) -> Path:
    vision = {
        "hidden_size": 32,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    config = getattr(hf, f"{kind}Config")(
        text_config=_CLIP_TEXT, vision_config=vision, projection_dim=32
    )
    size = {"height": 32, "width": 32}
    more = {"do_center_crop": False} if kind == "OwlViT" else {}
    prepare = getattr(hf, f"{kind}ImageProcessor")(size=size, **more)
    processor = getattr(hf, f"{kind}Processor")(prepare, _clip_words())
    network = getattr(hf, f"{kind}ForObjectDetection")(config)
    # Every patch then says the box about itself, as trained ones do where they know no better.
    torch.nn.init.zeros_(network.box_head.dense2.weight)
    return save(network, folder, processor)


def owlv2(folder: Path) -> Path:
    """A tiny OWLv2."""
    return _owl(folder, "Owlv2")


def owlvit(folder: Path) -> Path:
    """A tiny OWL-ViT."""
    return _owl(folder, "OwlViT")


def _dino(folder: Path, kind: str) -> Path:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "cup", "."]
    text = {
        "model_type": "bert",
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 32,
    }
    backbone = {
        "model_type": "swin",
        "image_size": 64,
        "patch_size": 4,
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 1, 1],
        "window_size": 4,
        "out_indices": [2, 3, 4],
    }
    config = getattr(hf, f"{kind}Config")(
        backbone_config=backbone,
        text_config=text,
        num_queries=5,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        d_model=32,
        max_text_len=16,
    )
    tokenizer = hf.BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    size = {"shortest_edge": 64, "longest_edge": 96}
    processor = hf.GroundingDinoProcessor(hf.GroundingDinoImageProcessor(size=size), tokenizer)
    return save(getattr(hf, f"{kind}ForObjectDetection")(config), folder, processor)


def grounding_dino(folder: Path) -> Path:
    """A tiny Grounding DINO."""
    return _dino(folder, "GroundingDino")


def mm_grounding_dino(folder: Path) -> Path:
    """A tiny MM Grounding DINO."""
    return _dino(folder, "MMGroundingDino")


Maker = Callable[[Path], Path]


def drawn(**makers: Maker) -> dict[str, Maker]:
    """The makers, each of which then draws the same numbers every time."""

    def seeded(make: Maker) -> Maker:
        def made(folder: Path) -> Path:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                return make(folder)

        return made

    return {name: seeded(make) for name, make in makers.items()}


SEGMENTERS = drawn(
    edgetam_video=edgetam, sam2_video=sam2, sam3_tracker_video=sam3_tracker, sam3_video=sam3
)
DETECTORS = drawn(
    **{"grounding-dino": grounding_dino, "mm-grounding-dino": mm_grounding_dino},
    owlv2=owlv2,
    owlvit=owlvit,
    sam3=sam3_image,
)


def clip(folder: Path) -> Path:
    """A tiny CLIP: pictures and words in one space."""
    vision = {
        "hidden_size": 32,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    config = hf.CLIPConfig(text_config=_CLIP_TEXT, vision_config=vision, projection_dim=16)
    side = {"height": 32, "width": 32}
    pictures = hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=side)
    return save(hf.CLIPModel(config), folder, hf.CLIPProcessor(pictures, _clip_words()))
