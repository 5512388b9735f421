"""Rows that are not valid have no influence through LeRobot's own dataset, to the last bit."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_data

from rotoscope.models.policy.valid_rows import ValidRows
from rotoscope.pipeline.errors import DatasetError

CAMERA = "observation.images.front"
CHUNK = 6
BAD = [(10, 13), (20, 21)]


def published(folder, *, nonsense=999.0, size=32):
    made = [
        tiny_data.rows_of(0, 30, discrete=True),
        tiny_data.rows_of(1, 25, discrete=True, bad=BAD),
    ]
    for start, end in BAD:
        made[1].actions[start:end, 0] = nonsense
        made[1].state[start:end] = -nonsense
    place = folder / f"data{nonsense:g}"
    return tiny_data.publish(place, made, discrete=True, camera="front", size=size)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return published(tmp_path_factory.mktemp("valid"))


def opened(root, *, history=1, episodes=None, size=32):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    back = [-k / tiny_data.FPS for k in range(history - 1, -1, -1)]
    return LeRobotDataset(
        "a/b",
        root=root,
        episodes=episodes,
        video_backend="pyav",
        delta_timestamps={
            # Diffusion, the one that is tried with larger pictures, plans from one row before.
            "action": [k / tiny_data.FPS for k in (range(CHUNK) if size == 32 else range(-1, 7))],
            "observation.state": back,
            CAMERA: back,
        },
    )


def test_no_sample_begins_at_an_invalid_row(data):
    rows = ValidRows(opened(data))
    assert len(rows) == 51
    assert not {40, 41, 42, 50} & set(rows.rows.tolist())


def test_invalid_rows_of_a_window_are_padding_and_hold_the_nearest_valid_values(data):
    theirs = opened(data)
    rows = ValidRows(theirs)
    sample, whole = rows[list(rows.rows).index(38)], theirs[38]
    assert sample["action_is_pad"].tolist() == [False, False, True, True, True, False]
    assert whole["action"][2, 0] == 999
    np.testing.assert_array_equal(sample["action"], whole["action"][[0, 1, 1, 1, 5, 5]])
    last = rows[len(rows) - 1]
    assert last["action_is_pad"].tolist() == [False] + [True] * 5
    np.testing.assert_array_equal(last["action"], theirs[54]["action"])


def test_history_reaches_into_no_invalid_row(data):
    rows = ValidRows(opened(data, history=4))
    sample = rows[list(rows.rows).index(44)]
    assert sample["observation.state_is_pad"].tolist() == [True, True, False, False]
    assert (sample["observation.state"].abs() < 10).all()
    np.testing.assert_array_equal(sample[CAMERA][0], sample[CAMERA][2])


def test_chosen_episodes_keep_their_own_rows(data):
    rows = ValidRows(opened(data, episodes=[1]))
    assert rows.rows.tolist() == [k for k in range(25) if k not in (10, 11, 12, 20)]
    assert rows[8]["action_is_pad"].tolist() == [False, False, True, True, True, False]
    assert rows[0]["index"] == 30


def test_statistics_are_those_of_valid_rows(data):
    meta = ValidRows(opened(data)).meta
    assert meta.stats["action"]["max"][0] < 10
    assert meta.stats["action"]["count"][0] == 51
    assert meta.fps == tiny_data.FPS


def test_confidence_can_be_asked_for(data, tmp_path):
    doubted = shutil.copytree(data, tmp_path / "data")
    path = next((doubted / "data").rglob("*.parquet"))
    table = pq.read_table(path)
    confidence = np.full(55, 0.9, np.float32)
    confidence[5:9] = 0.2
    at = table.schema.get_field_index("label.confidence")
    column = pa.array(confidence).cast(table.schema.field(at).type)
    pq.write_table(table.set_column(at, table.schema.field(at), column), path)
    assert len(ValidRows(opened(doubted), min_confidence=0.5)) == 47
    with pytest.raises(DatasetError, match=r"none of 55 rows has label\.valid and a confidence"):
        ValidRows(opened(doubted), min_confidence=0.95)


def trained(root, policy_config, policy_class, size=32):
    """Parameters of one of LeRobot's policies after two steps on the valid rows."""
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.factory import make_pre_post_processors
    from torch.utils.data import DataLoader, Subset

    torch.manual_seed(0)
    rows = ValidRows(opened(root, history=policy_config.n_obs_steps, size=size))
    policy_config.input_features = {
        "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
        CAMERA: PolicyFeature(FeatureType.VISUAL, (3, size, size)),
    }
    policy_config.output_features = {"action": PolicyFeature(FeatureType.ACTION, (2,))}
    policy = policy_class(policy_config)
    policy.train()
    prepare, _ = make_pre_post_processors(policy_config, dataset_stats=rows.meta.stats)
    optimizer = torch.optim.SGD(policy.parameters(), lr=1e-2)
    around_bad = [k for k, row in enumerate(rows.rows) if 36 <= row <= 44 or 47 <= row <= 52]
    for batch in DataLoader(Subset(rows, around_bad), batch_size=4):
        if policy_config.n_obs_steps == 1:
            batch["observation.state"] = batch["observation.state"][:, 0]
        loss, _ = policy.forward(prepare(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: value.detach().clone() for name, value in policy.state_dict().items()}


def act():
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy

    small = {"dim_model": 32, "n_heads": 2, "dim_feedforward": 32, "latent_dim": 4}
    config = ACTConfig(
        device="cpu",
        chunk_size=CHUNK,
        n_action_steps=CHUNK,
        pretrained_backbone_weights=None,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        **small,
    )
    return config, ACTPolicy


def diffusion():
    pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
    from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
    from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy

    config = DiffusionConfig(
        device="cpu",
        horizon=8,
        n_action_steps=4,
        crop_shape=None,
        down_dims=(16, 32),
        pretrained_backbone_weights=None,
        num_train_timesteps=4,
        do_mask_loss_for_padding=True,
    )
    return config, DiffusionPolicy, 48


@pytest.mark.parametrize("policy", [act, diffusion])
def test_what_invalid_rows_hold_changes_no_trained_parameter(policy, tmp_path):
    import torch

    made = policy()
    size = made[2] if len(made) > 2 else 32
    roots = [published(tmp_path, nonsense=n, size=size) for n in (999.0, -12345.0)]
    first, second = (trained(root, *policy()) for root in roots)
    assert first.keys() == second.keys()
    changed = [name for name in first if not torch.equal(first[name], second[name])]
    assert changed == []


def test_without_the_wrapper_invalid_rows_do_change_what_is_trained(tmp_path, monkeypatch):
    import torch

    everything = lambda dataset, min_confidence: np.ones(dataset.num_frames, bool)  # noqa: E731
    monkeypatch.setattr("rotoscope.models.policy.valid_rows._valid_rows", everything)
    roots = [published(tmp_path, nonsense=n) for n in (999.0, -12345.0)]
    first, second = (trained(root, *act()) for root in roots)
    assert not all(torch.equal(first[name], second[name]) for name in first)
