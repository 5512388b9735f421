"""Networks of others, small ones made here: what they are given, and where they say things are."""

import json

import numpy as np
import pytest
import torch

from rotoscope.models.encoders.pretrained import open_pretrained, pretrained_token
from rotoscope.pipeline.errors import UsageError

transformers = pytest.importorskip("transformers")
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY |= {"image_size": 32, "patch_size": 16}


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def saved(folder, module):
    torch.manual_seed(0)
    module.eval().save_pretrained(folder)
    return module


def standardized(pictures, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)):
    pixels = (torch.from_numpy(pictures).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    return pixels.movedim(-1, 1)


def test_parts_are_patches_in_reading_order_without_class_tokens(tmp_path, pictures):
    config = transformers.ViTConfig(**TINY, intermediate_size=16)
    vit = saved(tmp_path, transformers.ViTModel(config))
    with torch.inference_mode():
        state = vit(pixel_values=standardized(pictures)).last_hidden_state.numpy()
    name = f"transformers:{tmp_path}"
    whole, one, four = (open_pretrained(name + n)(pictures, pictures) for n in ("", "#1", "#2"))
    np.testing.assert_allclose(whole, state.mean(1), atol=1e-5)
    np.testing.assert_allclose(one, state[:, 1:].mean(1), atol=1e-5)
    np.testing.assert_allclose(four, state[:, 1:].reshape(3, -1), atol=1e-5)
    tokens = {pretrained_token(name + n) for n in ("", "#1", "#2")}
    assert len(tokens) == 3


def test_register_tokens_are_no_patches(tmp_path, pictures):
    config = transformers.Dinov2WithRegistersConfig(**TINY, num_register_tokens=3)
    dino = saved(tmp_path, transformers.Dinov2WithRegistersModel(config))
    with torch.inference_mode():
        state = dino(pixel_values=standardized(pictures)).last_hidden_state.numpy()
    assert state.shape[1] == 1 + 3 + 4
    found = open_pretrained(f"transformers:{tmp_path}#2")(pictures, pictures)
    np.testing.assert_allclose(found, state[:, 4:].reshape(3, -1), atol=1e-5)


def test_of_a_model_that_reads_too_what_sees_is_asked_with_its_own_colors(tmp_path, pictures):
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.SiglipConfig(
        text_config=text | {"intermediate_size": 16, "vocab_size": 20},
        vision_config=TINY | {"intermediate_size": 16},
    )
    model = saved(tmp_path, transformers.SiglipModel(config))
    half = [0.5, 0.5, 0.5]
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {"image_processor_type": "SiglipImageProcessor", "image_mean": half, "image_std": half}
        )
    )
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=standardized(pictures, half, half))
    found = open_pretrained(f"transformers:{tmp_path}#2")(pictures, pictures)
    wanted = seen.last_hidden_state.numpy().reshape(3, -1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_video_model_is_shown_a_picture_that_stands_still(tmp_path, pictures):
    config = transformers.VJEPA2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, patch_size=16, crop_size=32,
        frames_per_clip=2, tubelet_size=2, mlp_ratio=1.0, pred_hidden_size=16,
        pred_num_attention_heads=2, pred_num_hidden_layers=1, pred_num_mask_tokens=2,
    )  # fmt: skip
    saved(tmp_path, transformers.VJEPA2Model(config))
    name = f"transformers:{tmp_path}"
    assert open_pretrained(name)(pictures, pictures).shape == (3, 16)
    four = open_pretrained(f"{name}#2")(pictures, pictures)
    assert four.shape == (3, 64)
    np.testing.assert_allclose(
        four.reshape(3, 4, 16).mean(1), open_pretrained(name)(pictures, pictures), atol=1e-5
    )


def test_a_convolutional_networks_last_map_has_parts(tmp_path, pictures):
    networks = pytest.importorskip("torchvision").models
    weights = tmp_path / "resnet.pth"
    torch.manual_seed(0)
    torch.save(networks.resnet18().state_dict(), weights)
    big = np.kron(pictures, np.ones((1, 2, 2, 1), np.uint8))
    name = f"torchvision:resnet18@{weights}"
    whole, four = (open_pretrained(name + n)(big, big) for n in ("", "#2"))
    assert four.shape == (3, 4 * 512)
    np.testing.assert_allclose(four.reshape(3, 4, 512).mean(1), whole, atol=1e-4)
    assert np.ptp(four.reshape(3, 4, 512), axis=1).max() > 0.01


@pytest.mark.parametrize("parts", ["0", "17", "x", ""])
def test_numbers_of_parts_out_of_range_are_named(parts):
    with pytest.raises(UsageError, match="a number from 1 to 16"):
        open_pretrained(f"torchvision:resnet18#{parts}")


def test_a_network_without_a_map_has_no_parts(tmp_path):
    networks = pytest.importorskip("torchvision").models
    weights = tmp_path / "densenet.pth"
    torch.save(networks.densenet121().state_dict(), weights)
    with pytest.raises(UsageError, match="has no map of the picture"):
        open_pretrained(f"torchvision:densenet121@{weights}#2")
