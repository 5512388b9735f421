"""A trained policy by its folder, whoever trained it, or a labeler that acts, in a simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.labelers.acting import open_acting
from rotoscope.models.labelers.facts import FACTS_FILE
from rotoscope.models.policy.bc_policy import POLICY_FOLDER, load_bc_policy
from rotoscope.models.policy.evaluate import Tell, evaluate
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.policy import Policy


def evaluate_folder(
    folder: Path,
    environment: str,
    out: Path,
    *,
    episodes: int = 50,
    seed: int = 0,
    num_filmed: int = 3,
    horizon: int | None = None,
    device: Device = "auto",
    tell: Tell = lambda result: None,
) -> dict[str, Any]:
    """Loads a policy and tries it; see `evaluate`.

    Raises:
        UsageError: No policy in the folder, or one that does not fit the simulator.
    """
    return evaluate(
        load_policy(folder, device),
        environment,
        out,
        episodes=episodes,
        seed=seed,
        num_filmed=num_filmed,
        name=folder.name,
        horizon=horizon,
        tell=tell,
    )


def load_policy(folder: Path, device: Device = "auto") -> Policy:
    """A built-in policy, one of LeRobot's, or a labeler that acts.

    Args:
        folder: What `rotoscope train policy --out` wrote, a `pretrained_model` folder of LeRobot's,
            or a trained labeler's; of a class in a file `./file.py:Class@FOLDER`.
        device: Where it runs.

    Raises:
        UsageError: None of them is there, or a labeler that looks at what comes after.
    """
    if (folder / FACTS_FILE).is_file() or ".py:" in str(folder):
        return open_acting(folder, device)
    if (folder / POLICY_FOLDER.facts_file).is_file():
        return load_bc_policy(folder, device)
    from rotoscope.models.policy.lerobot_policy import find_checkpoint, load_lerobot

    checkpoint = find_checkpoint(folder)
    if checkpoint is not None:
        return load_lerobot(checkpoint, device)
    raise UsageError(
        f"{folder} holds no policy: no {POLICY_FOLDER.facts_file}, no checkpoint of LeRobot's "
        f"and no {FACTS_FILE} of a labeler; name the folder that 'rotoscope train policy --out' "
        "wrote, or that of a labeler that acts"
    )
