"""What each of two processes does in `test_several_processes`."""

import dataclasses
import json
import sys
from pathlib import Path

from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.processes import in_turns, process_index, together
from rotoscope.models.training.rows import Rows
from rotoscope.models.training.shares import num_in_all
from rotoscope.pipeline.errors import AnotherProcessError, DatasetError, UsageError

CONFIG = LoopConfig(
    num_steps=30, batch_size=15, eval_every=10, checkpoint_every=7, patience=100, device="cpu"
)
"""Shares of 8 rows and 7."""
STOPS_AT = 18


def problem(*, dropout=0.0, seen=None, fails_at=-1):
    """Sums of numbers, of which some are not known, by a network with a part that has no say."""
    import torch

    generator = torch.Generator().manual_seed(5)
    rows = torch.randn(100, 3, generator=generator)
    targets, known = rows.sum(1, keepdim=True), torch.rand(100, 1, generator=generator) < 0.6
    calls = [0]

    def read_from(part):
        def read(some):
            batch = {"inputs": rows[part][some], "wanted": targets[part][some]}
            return batch | {"known": known[part][some]}

        return Rows(len(rows[part]), read)

    def loss(module, batch):
        if module.training:
            calls[0] += 1
            if calls[0] == fails_at:
                raise KeyboardInterrupt
        hidden = module["first"](batch["inputs"])
        drawn = torch.nn.functional.dropout(hidden, dropout, module.training)
        if seen is not None and module.training:
            seen.append(torch.rand(()).item())
        error = (module["last"](drawn) - batch["wanted"]) ** 2 * batch["known"]
        return error.sum() / num_in_all(batch["known"].sum()) + 0.1 * hidden.pow(2).mean()

    def build():
        parts = {"first": torch.nn.Linear(3, 16), "last": torch.nn.Linear(16, 1)}
        return torch.nn.ModuleDict(parts | {"unused": torch.nn.Linear(3, 3)})

    return Problem("sum", build, read_from(slice(80)), read_from(slice(80, None)), loss, "data")


def weights_of(trained):
    return {name: value.tolist() for name, value in trained.module.state_dict().items()}


def main(folder):
    number = process_index()
    told, events, seen = {}, [], []

    def kept():
        with (folder / "made.txt").open("a") as file:
            file.write(f"{number}\n")
        return number

    with together():
        whole = train(problem(), CONFIG, checkpoint=folder / "two.pt", listener=events.append)
        told["weights"], told["validation"] = weights_of(whole), whole.validation
        told["events"] = [dataclasses.asdict(e) | {"frames_per_s": {}} for e in events]
        # Begun by one process.
        told["gone_on"] = weights_of(train(problem(), CONFIG, checkpoint=folder / "one.pt"))
        try:
            train(problem(dropout=0.5, seen=seen, fails_at=STOPS_AT), CONFIG,
                  checkpoint=folder / "drawn.pt")  # fmt: skip
        except KeyboardInterrupt:
            num = len(seen)
        again = problem(dropout=0.5, seen=seen)
        train(again, CONFIG, checkpoint=folder / "drawn.pt")
        told["drawn"], told["drawn_again"] = seen[:num], seen[num:]
        in_turns(kept)
        try:
            train(problem(), CONFIG.model_copy(update={"batch_size": 1}), checkpoint=folder / "b")
        except UsageError as error:
            told["refused"] = str(error)
    try:
        with together():
            if number == 1:
                raise DatasetError("the other's data are bad")
            train(problem(), CONFIG, checkpoint=folder / "failed.pt")
    except (DatasetError, AnotherProcessError) as error:
        told["failed"] = type(error).__name__
    (folder / f"told-{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
