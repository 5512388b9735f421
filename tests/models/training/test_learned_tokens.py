"""Keys of learned labels follow what models hold, not where they lie or how that is spelled."""

import shutil
from pathlib import Path

import numpy as np
import point_mass
import pytest

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.encoders import encoder_token
from rotoscope.models.inverse_dynamics.stage import InverseDynamics, InverseDynamicsStageConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.pipeline.errors import AssetError


def test_labeler_under_two_spellings_is_one(tmp_path, monkeypatch):
    def token(model):
        return InverseDynamics(InverseDynamicsStageConfig(model=model)).cache_token()

    config = InverseDynamicsConfig(kind="ridge", inputs=("track.point",))
    train_inverse_dynamics(point_mass.dataset(5), config, tmp_path / "point")
    shutil.copytree(tmp_path / "point", tmp_path / "elsewhere" / "copy")
    monkeypatch.chdir(tmp_path)
    same = {token(Path("point")), token(tmp_path / "point"), token(Path("elsewhere/copy"))}
    assert len(same) == 1
    other = point_mass.dataset(5, first=40)
    train_inverse_dynamics(other, config, tmp_path / "other")
    assert token(tmp_path / "other") not in same


@pytest.mark.parametrize("source", ["torchvision:resnet18@", "transformers:"])
def test_weights_of_a_pretrained_encoder_count_by_their_bytes(source, tmp_path, monkeypatch):
    places = [tmp_path / name for name in ("one", "copy", "two")]
    for place, byte in zip(places, (b"a", b"a", b"b"), strict=True):
        if source == "transformers:":
            place.mkdir()
            (place / "model.safetensors").write_bytes(byte)
        else:
            place.write_bytes(byte)
    monkeypatch.chdir(tmp_path)
    one, copy, two = (encoder_token(f"{source}{place}") for place in places)
    assert one == copy == encoder_token(f"{source}one")
    assert one != two
    assert str(tmp_path) not in one


def test_release_of_who_runs_an_encoder_counts(monkeypatch):
    before = encoder_token("torchvision:resnet18")
    monkeypatch.setattr("rotoscope.models.encoders.pretrained.version_of", lambda package: "99")
    assert encoder_token("torchvision:resnet18") not in (before, encoder_token("cnn"))
    assert np.unique([encoder_token(n) for n in ("cnn", "pca")]).size == 2


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(AssetError, match=r"the weights .*none\.pth of encoder .* are not there"):
        encoder_token(f"torchvision:resnet18@{tmp_path / 'none.pth'}")
