"""Every choice of every setting is refused or accepted before any data are read.

Commands are given a folder of data that is not there: what is refused names the setting, what is
accepted comes as far as the missing data.
"""

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import annotated_types
import pytest
from pydantic import BaseModel

from rotoscope.models.bco.train import BcoSettings
from rotoscope.models.bco.train_command import train_bco
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.lerobot_training import LerobotConfig
from rotoscope.models.simulators.record_command import record_demonstrations
from rotoscope.models.states.two_stage import train_two_stage
from rotoscope.pipeline.errors import AssetError, RotoscopeError, UsageError

CAMERA = "camera=observation.images.front"
NOTHING = "data-that-is-not-there"


def label(overrides, folder):
    train_labeler("inverse-dynamics", folder / NOTHING, folder / "out", overrides)


def through(overrides, folder):
    train_two_stage("inverse-dynamics", folder / NOTHING, folder / "out", overrides)


def latent(overrides, folder):
    train_latent_from([folder / NOTHING], folder / "out", overrides)


def policy(overrides, folder):
    train_policy(folder / NOTHING, folder / "out", "bc", overrides)


def act(overrides, folder):
    train_policy(folder / NOTHING, folder / "out", "act", overrides)


def vqbet(overrides, folder):
    train_policy(folder / NOTHING, folder / "out", "vqbet", overrides)


COMMANDS = {label: InverseDynamicsConfig, latent: LatentActionConfig, policy: BcConfig}
MUST_SEE = {label: ("inputs=[track.point]",), latent: (), policy: ()}
"""Without which no setting of a command is accepted."""
WITH = {
    "num_codes": ("latent=vq",),
    "num_groups": ("latent=vq", "latent_size=64"),
    "execute": ("chunk=200",),
    "penalties": ("kind=kernel",),
    "exchange": (CAMERA, "focus.tracks=[track.point]"),
}
"""What a setting asks of another."""
ASKS_FOR_A_MODEL = ("pretrain=true",)
"""Accepted where a latent action model is there: `test_encoded_policy.py`."""


def settings_of(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    """Key and field of every setting, those in sections too."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{above}{name}.")
        else:
            yield above + name, field


def kinds_of(annotation: Any) -> list[Any]:
    """The types that a setting may have; `None` is not given on a command line."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds = typing.get_args(annotation) if is_union else (annotation,)
    return [kind for kind in kinds if kind is not type(None)]


def values_of(field: Any) -> Iterator[tuple[Any, bool]]:
    """Values that are at the edge of what a setting may be, and whether they are accepted."""
    for kind in kinds_of(field.annotation):
        if typing.get_origin(kind) is Literal:
            yield from ((choice, True) for choice in typing.get_args(kind))
            yield from ((wrong, False) for wrong in ("nonsense", typing.get_args(kind)[0] + "s"))
        elif kind is bool:
            yield from (("true", True), ("false", True), ("perhaps", False), (3, False))
        elif kind in (int, float):
            yield from (("many", False), (".nan", False), (".inf", False))
            yield from bounds_of(field, kind)


def bounds_of(field: Any, kind: type) -> Iterator[tuple[Any, bool]]:
    step = 8 if kind is int else 1e-3
    for found in field.metadata:
        if isinstance(found, annotated_types.Ge):
            yield from ((found.ge, True), (found.ge - step, False))
        elif isinstance(found, annotated_types.Le):
            yield from ((found.le, True), (found.le + step, False))
        elif isinstance(found, annotated_types.Gt):
            yield from ((found.gt, False), (found.gt + step, True))
        elif isinstance(found, annotated_types.Lt):
            yield from ((found.lt, False), (found.lt - step, True))


CASES = [
    pytest.param(command, f"{key}={value}", accepted, id=f"{command.__name__}-{key}={value}")
    for command, model in COMMANDS.items()
    for key, field in settings_of(model)
    for value, accepted in values_of(field)
    if f"{key}={value}" not in ASKS_FOR_A_MODEL
]


@pytest.fixture(autouse=True)
def machine_with_everything(monkeypatch):
    """CUDA and TensorBoard are there unless a test takes them away."""
    board = types.ModuleType("tensorboard")
    board.SummaryWriter = object
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", board)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)


def check(command, overrides, tmp_path: Path, message: str | None) -> None:
    """`message` is that of the refusal, `None` where the settings are accepted."""
    with pytest.raises(RotoscopeError) as caught:
        command(overrides, tmp_path)
    if message is None:
        assert NOTHING in str(caught.value)
        return
    assert isinstance(caught.value, UsageError | AssetError)
    caught.match(message)
    assert NOTHING not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_tables_hold_every_choice_there_is():
    numbers = {command: len(list(settings_of(model))) for command, model in COMMANDS.items()}
    assert numbers == {label: 35, latent: 42, policy: 28}
    assert len(CASES) > 300


@pytest.mark.parametrize(("command", "setting", "accepted"), CASES)
def test_choice_is_refused_or_accepted_before_data_are_read(command, setting, accepted, tmp_path):
    key = setting.partition("=")[0]
    others = (*MUST_SEE[command], *WITH.get(key.rpartition(".")[2], ()))
    check(command, [*others, setting], tmp_path, None if accepted else key.replace(".", r"\."))


@pytest.mark.parametrize("command", [*COMMANDS, through])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["nonsense=1"], "nonsense"),
        (["loop.nonsense=1"], r"loop\.nonsense"),
        (["loop"], "write KEY=VALUE"),
        (["loop=3", "loop.seed=1"], "'loop' must be a mapping of names to values, got 3"),
    ],
)
def test_what_is_no_setting_is_refused(command, settings, message, tmp_path):
    check(command, [*MUST_SEE.get(command, MUST_SEE[label]), *settings], tmp_path, message)


SEEN = "inputs=[track.point]"
TOGETHER = [
    (label, [], "must see something"),
    (label, ["kind=kernel"], "must see something"),
    (label, [CAMERA], None),
    (label, [CAMERA, "kind=kernel"], None),
    (label, [CAMERA, "kind=ridge", "encoder=pca"], None),
    (label, [CAMERA, "kind=kernel", "encoder=cnn"], "cannot train the image network 'cnn'"),
    (label, [CAMERA, "kind=ridge", "encoder=cnn"], "cannot train the image network 'cnn'"),
    (label, ["camera=[a, b]"], None),
    (label, ["camera=[a, a]"], "names a camera twice"),
    (label, [SEEN, "focus.tracks=[track.point]"], "no camera is set"),
    (label, [CAMERA, "focus.tracks=['']"], "empty name"),
    (label, [CAMERA, "exchange=0.5"], r"set focus\.tracks"),
    (label, [CAMERA, "focus.tracks=[track.point]", "exchange=0.5", "kind=kernel"], "encoder=cnn"),
    (latent, ["exchange=0.5"], r"set focus\.tracks"),
    (latent, ["focus.tracks=[a]", "exchange=0.5", "encoder=torchvision:resnet18"], "encoder=cnn"),
    (label, [SEEN, "encoder=resnet"], "unknown encoder 'resnet'"),
    (label, [SEEN, "encoder=''"], None),
    (label, [CAMERA, "encoder='torchvision:'"], "unknown encoder 'torchvision:'"),
    (label, [CAMERA, "encoder=torchvision:resnet9"], "unknown encoder 'torchvision:resnet9'"),
    (label, [CAMERA, "encoder=torchvision:resnet18"], None),
    (label, [CAMERA, "encoder=torchvision:resnet18@none.pth"], "weights none.pth"),
    (label, [CAMERA, "encoder=transformers:some/model"], None),
    (label, [CAMERA, "encoder='latent:'"], "unknown encoder 'latent:'"),
    (label, [CAMERA, "encoder=latent:nowhere"], "nowhere is no trained latent action model"),
    (label, [CAMERA, "encoder=latent:/"], "is no trained latent action model"),
    (label, [SEEN, "window.before_s=0", "window.after_s=0"], "both 0"),
    (label, [SEEN, "window.before_s=9", "window.spacing_s=0.001"], "more than 1000 samples"),
    (label, [SEEN, "kernel.penalties=[]"], r"kernel\.penalties"),
    (label, [SEEN, "kernel.penalties=[0]"], r"kernel\.penalties"),
    (label, [SEEN, "kernel.penalties=[1,2]"], None),
    (through, [CAMERA], "states are read off features"),
    (through, [SEEN, "encoder=resnet"], "unknown encoder"),
    (through, [SEEN, "kind=ridge"], None),
    (latent, ["encoder=pca"], "stand on"),
    (latent, ["encoder=torchvision:resnet9"], "unknown encoder 'torchvision:resnet9'"),
    (latent, ["encoder=torchvision:resnet18@none.pth"], "weights none.pth"),
    (latent, ["encoder=torchvision:resnet18"], None),
    (latent, ["encoder=torchvision:resnet18", "objective=dynamo"], "encoder must be cnn"),
    (latent, ["image_size=60"], "image_size"),
    (latent, ["latent=vq", "latent_size=6"], "does not divide latent_size=6"),
    (latent, ["latent=continuous", "latent_size=6"], None),
    (latent, [f"tracks.points={[f'p{i}' for i in range(17)]}"], r"tracks\.points"),
    (policy, ["inputs=[]"], "must see something"),
    (policy, ["inputs=[]", CAMERA], None),
    (policy, ["inputs=[label.valid]"], "nobody knows them where a policy acts"),
    (policy, ["chunk=2", "execute=3"], "only chunk=2"),
    (policy, ["encoder=torchvision:resnet18"], "set camera"),
    (policy, [CAMERA, "encoder=torchvision:resnet18"], None),
    (policy, [CAMERA, "encoder=torchvision:resnet9"], "unknown encoder 'torchvision:resnet9'"),
    (policy, [CAMERA, "pretrain=true"], "learns the latent actions of"),
    (policy, [CAMERA, "encoder=pca"], "none that a policy can see through"),
    (policy, [CAMERA, "encoder='latent:'"], "none that a policy can see through"),
    (policy, [CAMERA, "encoder=latent:nowhere"], "nowhere is no trained latent action model"),
    (policy, [CAMERA, "encoder=torchvision:resnet18", "freeze_encoder=false"], "stays as it is"),
    (policy, ["hidden=[]"], "hidden"),
    (policy, ["hidden=[0]"], r"hidden\.0"),
    (policy, ["hidden=[8, -1]"], r"hidden\.1"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "settings", "message"), TOGETHER)
def test_settings_that_contradict_are_refused_before_data_are_read(
    command, settings, message, tmp_path
):
    check(command, settings, tmp_path, message)


@pytest.mark.parametrize("command", [*COMMANDS, through])
@pytest.mark.parametrize("settings", [["loop.device=cuda"], ["loop.tensorboard=true"]])
def test_what_the_machine_lacks_is_refused_before_data_are_read(
    command, settings, tmp_path, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    seen = MUST_SEE.get(command, MUST_SEE[label])
    check(command, [*seen, *settings], tmp_path, "no CUDA device|pip install tensorboard")
    if command in (label, through):
        # Nothing of the loop is used where the labeler is found in closed form.
        check(command, [*seen, *settings, "kind=ridge"], tmp_path, None)


@pytest.mark.slow  # imports LeRobot
@pytest.mark.parametrize(
    ("command", "settings", "message"),
    [
        *((act, [f"{key}={value}"], None if accepted else key)
          for key, field in settings_of(LerobotConfig) for value, accepted in values_of(field)),
        (act, ["steps=abc"], "refused its options.*steps"),
        (act, ["steps=0"], "steps is 0"),
        (act, ["stesp=4"], "refused its options"),
        (act, ["policy.dim_model=wide"], "refused its options.*dim_model"),
        (act, ["policy.dim_model=64"], None),
        (act, ["steps"], "write KEY=VALUE"),
        (vqbet, ["steps=100"], "first 20000 steps on its codebook"),
        (vqbet, ["steps=100", "policy.n_vqvae_training_steps=50"], None),
    ],
)  # fmt: skip
def test_choice_of_lerobots_is_refused_or_accepted_before_data_are_read(
    command, settings, message, tmp_path
):
    check(command, settings, tmp_path, message)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_rounds": 0}, "num_rounds is 0"),
        ({"seed": -1}, "seed is -1"),
        ({}, "no simulator|unknown simulator|nowhere"),
    ],
)
def test_bco_is_refused_before_data_are_read(settings, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_bco("nowhere:at-all", tmp_path / NOTHING, tmp_path / "out", **settings)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, 0) for name in ("num_random_episodes", "num_own_episodes")),
        ("max_transitions_per_round", 0),
        ("random_share", 1.1),
        ("random_share", -0.1),
    ],
)
def test_bco_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(UsageError, match=f"{name} is"):
        BcoSettings(**{name: wrong})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_episodes": 0}, "--episodes 0 is too small"),
        ({"first_seed": -1}, "--seed -1 is too small"),
        ({"size_px": 14}, "--size 14 is too small"),
        ({"size_px": 97}, "--size 97 is odd"),
        ({"num_labelled": -1}, "--labeled -1 is too small"),
        ({"num_labelled": 0, "as_videos": True}, "videos hold no actions"),
        ({"num_labelled": 0, "cameras": (), "size_px": 16}, "unknown simulator"),
        ({"as_videos": True}, "unknown simulator"),
    ],
)
def test_options_of_record_are_refused_before_a_simulator_is_opened(settings, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        record_demonstrations("nowhere:at-all", tmp_path, **{"num_episodes": 1} | settings)
