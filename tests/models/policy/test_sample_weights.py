"""Weights for LeRobot's own sample weighting: 0 for chunks with an invalid row, else 1."""

import numpy as np
import pytest
import tiny_data

from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.sample_weights import whole_chunks, write_sample_weights
from rotoscope.pipeline.errors import DatasetError

CHUNK = 6
BAD = [(10, 13), (24, 25)]


def published(folder, nonsense=999.0):
    made = [tiny_data.rows_of(0, 30), tiny_data.rows_of(1, 25, bad=BAD)]
    for start, end in BAD:
        made[1].actions[start:end] = nonsense
    return tiny_data.publish(folder / f"data{nonsense:g}", made)


def weigher(file, chunk=CHUNK):
    from lerobot.rewards.sarm.rabc import RABCWeights

    return RABCWeights(file, chunk_size=chunk, device="cpu")


def test_lerobot_gives_exactly_the_clean_chunks_a_weight(tmp_path):
    done = write_sample_weights(published(tmp_path), tmp_path / "w.parquet", chunk=CHUNK)
    found = weigher(tmp_path / "w.parquet")
    raw = found._compute_weights(np.array([found._compute_delta(k) for k in range(55)], np.float32))
    # Of the second episode, rows 10 to 12 and 24 and the five before each.
    expected = np.ones(55)
    expected[30 + 5 : 30 + 13] = expected[30 + 19 : 55] = 0
    np.testing.assert_array_equal(raw, expected)
    assert (done.samples, done.counted, done.invalid_rows) == (55, int(expected.sum()), 4)
    assert f"--policy.chunk_size={CHUNK}" in done.command
    assert any("only for smolvla, pi0" in sentence for sentence in done.limits)


def test_chunk_beyond_the_end_is_judged_by_the_rows_there_are():
    one = RowWeights(np.array([True, False, True, True, True]), np.ones(5))
    assert whole_chunks(one, 3).tolist() == [False, False, True, True, True]


def trained(root, file, stats):
    """A linear policy with a loss per sample, as SmolVLA's, by LeRobot's own training step."""
    import torch
    from accelerate import Accelerator
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.scripts.lerobot_train import update_policy
    from lerobot.utils.logging_utils import AverageMeter, MetricsTracker
    from torch.utils.data import DataLoader

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, CHUNK)

        def forward(self, batch, reduction="mean"):
            off = self.layer(batch["observation.state"]) - (batch["action"] - stats[0]) / stats[1]
            losses = off.square().mean(dim=1)
            return (losses if reduction == "none" else losses.mean()), {}

    torch.manual_seed(0)
    policy = Linear()
    deltas = {"action": [k / tiny_data.FPS for k in range(CHUNK)]}
    data = LeRobotDataset("a/b", root=root, delta_timestamps=deltas)
    meters = {n: AverageMeter(n) for n in ("loss", "grad_norm", "lr", "update_s", "dataloading_s")}
    tracker = MetricsTracker(8, 55, 2, meters)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.05)
    for batch in DataLoader(data, batch_size=11):
        batch["action"] = batch["action"].reshape(len(batch["index"]), CHUNK)
        update_policy(
            tracker,
            policy,
            batch,
            optimizer,
            10.0,
            Accelerator(cpu=True),
            sample_weighter=None if file is None else weigher(file),
        )
    return {name: value.detach().clone() for name, value in policy.state_dict().items()}


def test_what_invalid_rows_hold_changes_no_parameter_that_lerobot_trains(tmp_path):
    pytest.importorskip("accelerate", reason="the extra `train` is not installed")
    import torch

    roots = [published(tmp_path, n) for n in (999.0, -12345.0)]
    for root in roots:
        write_sample_weights(root, root.with_suffix(".parquet"), chunk=CHUNK)
    first, second = (trained(r, r.with_suffix(".parquet"), (0.0, 1.0)) for r in roots)
    assert all(torch.equal(first[name], second[name]) for name in first)
    plain = [trained(r, None, (0.0, 1.0)) for r in roots]
    assert not all(torch.equal(plain[0][name], plain[1][name]) for name in first)


def test_chunk_that_every_invalid_row_reaches_is_refused(tmp_path):
    made = [tiny_data.rows_of(0, 20, bad=[(19, 20)]), tiny_data.rows_of(1, 20, bad=[(19, 20)])]
    data = tiny_data.publish(tmp_path / "data", made)
    with pytest.raises(DatasetError, match="every chunk of 50 rows holds one: all weights"):
        write_sample_weights(data, tmp_path / "w.parquet", chunk=50)
    assert not (tmp_path / "w.parquet").exists()
