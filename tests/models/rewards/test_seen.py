"""What episodes are judged by: chosen numbers, and pictures through an encoder of the user's."""

import carried_datasets
import carried_paths
import numpy as np
import pytest

from rotoscope.models.rewards.seen import (
    NUM_COMPONENTS,
    Seen,
    describer,
    read_numbers,
    read_pictures,
    seen_by_default,
)
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import UsageError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seen") / "data"
    carried_datasets.publish(folder, [carried_paths.carried(20)], camera="front")
    return open_dataset(folder)


def test_numbers_are_chosen_by_pattern_and_named_with_their_column(dataset):
    chosen, names = Seen(("observation.state:thing.*,hand.y",)).numbers(dataset)
    assert chosen == {"observation.state": [1, 2, 3]}
    assert names == tuple(f"observation.state.{n}" for n in ("hand.y", "thing.x", "thing.y"))
    found = read_numbers(dataset, 0, chosen)
    np.testing.assert_allclose(found, carried_paths.carried(20)[:, 1:], atol=1e-6)


def test_state_is_looked_at_by_default(dataset):
    assert seen_by_default(dataset) == ("observation.state",)


def test_nothing_to_look_at_is_refused_with_what_there_is(dataset):
    with pytest.raises(UsageError, match=r"nothing is named .* such as 'observation\.state'"):
        Seen().check(dataset)


def test_pictures_are_described_by_components_or_by_a_network_of_the_users(dataset, tmp_path):
    import transformers as hf

    images = read_pictures(dataset, 0, carried_datasets.CAMERA)
    assert images.shape == (20, 64, 64, 3)
    components = describer("pca", iter([images]))(images)
    assert components.shape[0] == 20
    assert components.shape[1] <= NUM_COMPONENTS
    tiny = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hf.ViTConfig(image_size=64, patch_size=16, intermediate_size=16, **tiny)
    hf.ViTModel(config).save_pretrained(tmp_path / "vit")
    found = describer(f"transformers:{tmp_path / 'vit'}", iter([]))(images)
    assert found.shape == (20, 16)
    assert found.std() > 0


def test_encoder_that_is_none_is_refused():
    with pytest.raises(UsageError, match="unknown encoder 'best'"):
        describer("best", iter([]))
