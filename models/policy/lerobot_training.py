"""LeRobot's own policies, trained by LeRobot's own `lerobot-train` on the rows that are trusted.

One function of LeRobot's is replaced while it trains: the one that makes the dataset.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rotoscope.models.policy.lerobot_encoder import TAKES, Sight
from rotoscope.models.policy.lerobot_facts import LerobotFacts, write_facts
from rotoscope.models.policy.memory_dataset import memory_datasets
from rotoscope.models.policy.pretrained_weights import check_weights
from rotoscope.models.policy.row_weights import (
    VALID,
    RowWeights,
    describe,
    row_weights_of,
    warn_of_short,
)
from rotoscope.models.policy.valid_rows import ValidRows
from rotoscope.models.training.checkpoint import work_folder
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.views import Cameras
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.files.paths import walk
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import read_settings

EXTRAS = {
    "act": ("train", ("accelerate",)),
    "diffusion": ("diffusion", ("accelerate", "diffusers")),
    "vqbet": ("train", ("accelerate",)),
}
"""For each policy, the extra that holds what it needs, and which packages these are."""
DEFAULTS = {
    "steps": "20000",
    "save_freq": "2000",
    "env_eval_freq": "0",
    "policy.push_to_hub": "false",
    # Weights that somebody trained on ImageNet would be fetched from the network.
    "policy.pretrained_backbone_weights": "null",
    "wandb.enable": "false",
}
"""Where ours differ from LeRobot's; each can be set."""
DEFAULTS_OF = {"diffusion": {"policy.do_mask_loss_for_padding": "true"}}
"""And those of single policies: ACT and VQ-BeT leave padding out of the loss by themselves."""
CHUNKS = {"act": "chunk_size", "diffusion": "horizon", "vqbet": "action_chunk_size"}
"""What each policy calls the number of actions that it plans at once."""


class LerobotConfig(BaseModel):
    """What Rotoscope itself decides; everything else is LeRobot's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_confidence: float = Field(default=0.0, ge=0, le=1)
    """Rows of less confidence are not learned from."""
    image_size: int | None = Field(default=None, ge=16)
    """Side of the square that pictures are shrunk to [px]; as they are where not given."""
    encoder: str = ""
    """What sees pictures and stays as it is, for `act` and `diffusion`: `latent:FOLDER`, a trained
    latent action model's image network, `torchvision:NAME` or `transformers:NAME_OR_FOLDER`. Where
    not given the policy's own image network sees them, and learns."""
    camera: Cameras = ""
    """Camera that the encoder sees, or several, `[A,B]`; all where not given."""
    loader: Literal["memory", "lerobot"] = "memory"
    """`memory`: frames are decoded once. `lerobot`: LeRobot's own loader, for datasets that do not
    fit on the disk. Rows that are not trusted are left out of either."""


def train_lerobot(
    data: Path,
    out: Path,
    policy: str,
    overrides: Sequence[str] = (),
    *,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Trains one of LeRobot's policies; goes on where a killed training stopped.

    Args:
        data: Folder of a LeRobot v3 dataset.
        out: Folder of the policy, in LeRobot's form: `--policy.path=OUT` reads it. Beside it,
            `OUT.training` holds LeRobot's checkpoints until it is done.
        policy: `act`, `diffusion` or `vqbet`.
        overrides: Rotoscope's settings (`LerobotConfig`) and any option of `lerobot-train`, such as
            `steps=20000`, `batch_size=16` or `policy.chunk_size=50`.
        say: Told what is left out.

    Raises:
        UsageError: An unknown option, a missing package, or checkpoints of another training.
        DatasetError: Nothing to learn from, or no picture where the policy needs some.
    """
    check_packages(policy)
    own = [o for o in overrides if o.partition("=")[0] in LerobotConfig.model_fields]
    config = read_settings(own, LerobotConfig)
    options = DEFAULTS | DEFAULTS_OF.get(policy, {})
    options |= _options([o for o in overrides if o not in own])
    chunk = _check_options(options, policy)
    dataset = open_dataset(data)
    if not dataset.cameras and "observation.environment_state" not in dataset.info["features"]:
        raise DatasetError(
            f"{data} has no pictures, and {policy} needs some; train the built-in policy instead: "
            "--policy bc"
        )
    sight = _sight(dataset, config, policy)
    if policy != "act" and sight is None:
        _check_sizes(dataset, policy, config.image_size)
    if config.loader == "lerobot":
        _check_lengths(dataset)
    row_weights = row_weights_of(dataset, min_confidence=config.min_confidence)
    job = _Job(dataset, row_weights, config, policy, options, work_folder(out), sight)
    say(describe(row_weights))
    for warning in warn_of_short(row_weights, chunk):
        say(warning)
    with _own_dataset(job):
        job.run()
    metrics = job.deliver(out)
    job.forget()
    return metrics


def check_packages(policy: str) -> None:
    """Checks that what a policy needs is installed.

    Raises:
        UsageError: It is not.
    """
    extra, packages = EXTRAS[policy]
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"{policy} needs the package {package}, which is not installed: "
                f"pip install 'rotoscope[{extra}]'"
            )


@dataclass(frozen=True, eq=False)
class _Job:
    """One training by LeRobot."""

    dataset: Dataset
    row_weights: list[RowWeights]
    config: LerobotConfig
    policy: str
    options: dict[str, str]
    work: Path
    sight: Sight | None

    def run(self) -> None:
        """Calls `lerobot-train`, or has it resume."""
        script = importlib.import_module("lerobot.scripts.lerobot_train")
        resumed = self.work / "checkpoints" / "last" / "pretrained_model" / "train_config.json"
        arguments = self.arguments()
        if resumed.is_file():
            self._check_same()
            arguments = [f"--config_path={resumed}", "--resume=true"]
        elif self.work.is_dir():
            # Killed before the first checkpoint: nothing to keep, and LeRobot wants a new folder.
            shutil.rmtree(self.work)
        self._remember()
        with _command_line(["lerobot-train", *arguments]):
            try:
                script.train()
            except ValueError as error:
                raise UsageError(f"LeRobot's {self.policy} refused: {error}") from error

    def arguments(self) -> list[str]:
        """The command line of `lerobot-train`."""
        named = {
            "dataset.repo_id": f"rotoscope/{self.dataset.root.name}",
            "dataset.root": str(self.dataset.root),
            "dataset.video_backend": "pyav",
            "policy.type": self.policy,
            "output_dir": str(self.work),
        }
        if self.config.loader == "memory":
            # A worker would have to be sent what is in memory here.
            named["num_workers"] = "0"
        return [f"--{key}={value}" for key, value in (named | self.options).items()]

    def deliver(self, out: Path) -> dict[str, Any]:
        """Copies the last checkpoint to its place, with what Rotoscope knows of it."""
        last = (self.work / "checkpoints" / "last").resolve()
        contract = self.dataset.rotoscope("contract.json")
        features = self.dataset.info["features"]
        state = features.get("observation.state")
        facts = LerobotFacts(
            contract=ActionContract.model_validate(contract) if contract else None,
            state_names=None if state is None else tuple(map(str, state["names"] or ())),
            learned_from=describe(self.row_weights),
            data_sha256=self._digest(),
            encoder=None if self.sight is None else self.sight.facts,
            packages=package_versions("lerobot"),
        )
        with atomic_path(out) as temporary:
            shutil.copytree(last / "pretrained_model", temporary)
            write_facts(temporary, facts)
            if self.sight is not None:
                self.sight.save(temporary)
        return {"steps": int(last.name), "policy": self.policy, "learned_from": facts.learned_from}

    def forget(self) -> None:
        """Removes LeRobot's checkpoints."""
        shutil.rmtree(self.work)
        self._note().unlink()

    def _digest(self) -> str:
        """Hash of what is learned from; raises where LeRobot would read outside of the dataset."""
        found = hashlib.sha256()
        for row in range(len(self.dataset.table)):
            for camera in self.dataset.cameras:
                self.dataset.video_file(camera, row)
        for path in sorted(walk(self.dataset.root, ".", what="the file")):
            if path.suffix in (".parquet", ".mp4"):
                found.update(path.relative_to(self.dataset.root).as_posix().encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
        for one in self.row_weights:
            found.update(one.mask.tobytes())
        return found.hexdigest()

    def _settings(self) -> dict[str, Any]:
        own = self.config.model_dump(mode="json")
        return {"policy": self.policy, "options": self.options, "data": self._digest()} | own

    def _note(self) -> Path:
        return self.work.with_name(self.work.name + ".json")

    def _remember(self) -> None:
        self._note().write_text(json.dumps(self._settings(), sort_keys=True))

    def _check_same(self) -> None:
        note = self._note()
        if not note.is_file() or json.loads(note.read_text()) != self._settings():
            raise UsageError(
                f"{self.work} was begun with other settings or other data; train into another "
                "folder, or remove it to start anew"
            )


@contextlib.contextmanager
def _own_dataset(job: _Job) -> Iterator[None]:
    """Gives LeRobot's training a dataset of trusted rows, in memory where that is asked for."""
    script: Any = importlib.import_module("lerobot.scripts.lerobot_train")
    original = script.make_train_eval_datasets

    def make(config: Any) -> tuple[Any, Any]:
        if job.config.loader == "lerobot":
            learned, held = original(config)
            if VALID not in job.dataset.info["features"]:
                return learned, held  # all rows of somebody else's dataset count
            sure = job.config.min_confidence
            return (
                ValidRows(learned, min_confidence=sure),
                held and ValidRows(held, min_confidence=sure),
            )
        return memory_datasets(
            config, job.dataset, job.row_weights, side_px=job.config.image_size, sight=job.sight
        )

    script.make_train_eval_datasets = make
    try:
        yield
    finally:
        script.make_train_eval_datasets = original


@contextlib.contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """LeRobot reads options from the command line even where it is called as a function."""
    before, sys.argv = sys.argv, list(arguments)
    try:
        yield
    finally:
        sys.argv = before


def _options(overrides: Sequence[str]) -> dict[str, str]:
    out = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"cannot read {shown(text)}: write KEY=VALUE, such as steps=20000")
        out[key] = value
    return out


def _sight(dataset: Dataset, config: LerobotConfig, policy: str) -> Sight | None:
    """What the policy sees pictures through; `None` where it sees them itself."""
    if not config.encoder:
        if config.camera:
            raise UsageError(
                f"camera={config.camera} is what an encoder sees, and none is set: set encoder, or "
                f"leave camera out: {policy}'s own image network sees every camera"
            )
        return None
    if policy not in TAKES:
        raise UsageError(
            f"{policy} needs a picture; encoder={config.encoder} is for {' and '.join(TAKES)}, and "
            "for the built-in policy: --policy bc"
        )
    if config.loader != "memory":
        raise UsageError(
            f"encoder={config.encoder} looks at decoded pictures: leave loader at memory"
        )
    return Sight.of(dataset, config.encoder, config.camera, config.image_size)


def _check_sizes(dataset: Dataset, policy: str, image_size: int | None) -> None:
    """Their image network leaves one number of 32 pixels, and takes statistics over the rest."""
    for name in dataset.cameras:
        height, width = dataset.info["features"][name]["shape"][:2]
        side_px = image_size or max(height, width)
        if side_px <= 32:
            raise UsageError(
                f"{policy} would see {name} {side_px} pixels wide and needs more than 32; "
                "set image_size=64, or train act or bc"
            )


def _check_options(options: dict[str, str], policy: str) -> int:
    """Has LeRobot read its options before any data are, and checks the steps of `vqbet`.

    Returns:
        How many actions the policy plans at once.
    """
    import draccus
    from draccus.utils import DraccusException
    from lerobot.configs.train import TrainPipelineConfig

    # What `policy.type` may be is known once the script's own imports are done.
    importlib.import_module("lerobot.scripts.lerobot_train")
    named = {"dataset.repo_id": "rotoscope/any", "policy.type": policy} | options
    arguments = [f"--{key}={value}" for key, value in named.items()]
    try:
        found: Any = draccus.parse(TrainPipelineConfig, args=arguments)
    except DraccusException as error:
        told = " ".join(str(error).split())
        raise UsageError(f"lerobot-train refused its options: {told}") from error
    except SystemExit as error:
        raise UsageError(
            f"lerobot-train refused its options ({' '.join(arguments)}): see its message above"
        ) from error
    if found.steps < 1:
        raise UsageError(f"steps is {found.steps}; at least 1 is needed")
    first = found.policy.n_vqvae_training_steps if policy == "vqbet" else 0
    if found.steps <= first:
        raise UsageError(
            f"vqbet spends its first {first} steps on its codebook and has only {found.steps}: the "
            f"policy itself would learn nothing; set steps above that, or "
            f"policy.n_vqvae_training_steps={max(1, found.steps // 4)}"
        )
    check_weights(getattr(found.policy, "pretrained_backbone_weights", None))
    return int(getattr(found.policy, CHUNKS[policy]))


def _check_lengths(dataset: Dataset) -> None:
    """LeRobot's own loader takes the axis away from vectors of one number; its networks fail."""
    features = dataset.info["features"]
    single = [n for n in ("action", "observation.state") if features.get(n, {}).get("shape") == [1]]
    if single:
        raise DatasetError(
            f"{', '.join(single)} has one number, which LeRobot's own loader does not give as a "
            "vector; use loader=memory"
        )
