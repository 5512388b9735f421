"""A tiny ACT by LeRobot's own training: killed, resumed, tried by us and by LeRobot's eval."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import moving_squares
import numpy as np
import pytest
import tiny_data
from test_memory_dataset import CAMERA

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import evaluate_folder, load_policy
from rotoscope.models.simulators.record import record_dataset
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import STATE, Views, open_simulator
from rotoscope.models.training.pictures import shrink
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import RotoscopeError, UsageError

pytestmark = pytest.mark.slow
pytest.importorskip("gymnasium")
ROOT = Path(__file__).resolve().parents[3]
TASK = "gymnasium:CartPole-v1"
TINY = [
    "batch_size=4",
    "policy.device=cpu",
    "policy.dim_model=32",
    "policy.n_heads=2",
    "policy.dim_feedforward=32",
    "policy.n_encoder_layers=1",
    "policy.chunk_size=4",
    "policy.n_action_steps=4",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("act")
    simulator = open_simulator(TASK, Views(("front",), 48, 48))
    simulator._facts = simulator.facts.__class__(**vars(simulator.facts) | {"horizon": 30})
    record_dataset(simulator, scripted_expert(simulator), range(3), folder / "data")
    train_policy(folder / "data", folder / "policy", "act", [*TINY, "steps=3"])
    return folder


def test_folder_is_lerobots_and_says_what_it_learned_from(trained):
    names = {path.name for path in (trained / "policy").iterdir()}
    assert {"config.json", "model.safetensors", "rotoscope.yaml"} <= names
    policy = load_policy(trained / "policy")
    assert policy.contract.names == ["choice"]
    assert policy.image_sizes == {CAMERA: (48, 48)}
    assert not (trained / "policy.training").exists()


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        ("diffusion", ["down_dims=[8,16]", "num_train_timesteps=4"]),
        ("vqbet", ["n_vqvae_training_steps=1", "crop_shape=null", "gpt_hidden_dim=24"]),
    ],
)
def test_other_policies_train_and_act(policy, settings, trained, tmp_path):
    if policy == "diffusion":
        pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
    settings = ["policy.device=cpu", *(f"policy.{setting}" for setting in settings)]
    settings += ["batch_size=4", "steps=2"]
    found = train_policy(trained / "data", tmp_path / policy, policy, settings)
    assert found["steps"] == 2
    acting = load_policy(tmp_path / policy)
    acting.reset(0)
    seen = {STATE: np.zeros(4, np.float32), CAMERA: np.zeros((48, 48, 3), np.uint8)}
    assert np.isfinite(acting.act(seen)).all()


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent") / "model"
    loop = {"num_steps": 10, "batch_size": 8, "eval_every": 10}
    told = {"image_size": 32, "latent_size": 8, "hidden": 32, "held_out_share": 0.25, "loop": loop}
    tracks = {"targets": [moving_squares.TARGET], "points": ["track.square"]}
    config = LatentActionConfig.model_validate(told | {"tracks": tracks})
    train_latent_action(moving_squares.dataset(), config, folder)
    # Ten steps are too few for latents that tell much; its image network is all that is used here.
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"collapsed": False}))
    return folder


@pytest.mark.parametrize("policy", ["act", "diffusion"])
def test_pictures_are_seen_through_an_encoder_that_is_kept(policy, trained, latent, tmp_path):
    settings = [s for s in TINY if policy == "act" or "policy.device" in s or "batch" in s]
    if policy == "diffusion":
        pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
        settings += ["policy.down_dims=[8,16]", "policy.num_train_timesteps=4"]
    own = tmp_path / "own"
    shutil.copytree(latent, own)
    settings += ["steps=2", f"encoder=latent:{own}"]
    train_policy(trained / "data", tmp_path / policy, policy, settings)
    shutil.rmtree(own)
    acting = load_policy(tmp_path / policy)
    assert acting.image_sizes == {CAMERA: (48, 48)}
    assert not acting.module.config.image_features
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    found = acting.sight.of_observation({CAMERA: picture})
    seen = load_latent(latent).seen(shrink(picture, 32)[None])[0]
    np.testing.assert_allclose(found, seen, rtol=1e-6)
    assert acting.module.config.env_state_feature.shape == (len(seen),)
    dataset = open_dataset(trained / "data")
    assert acting.sight.of_dataset(dataset).shape == (dataset.info["total_frames"], len(seen))
    tried = evaluate_folder(tmp_path / policy, TASK, tmp_path / "eval", episodes=1, num_filmed=0)
    assert tried["mean_steps"] >= 1


@pytest.mark.parametrize(
    ("policy", "told", "said"),
    [
        ("vqbet", ["encoder=torchvision:resnet18"], "vqbet needs a picture"),
        ("act", ["encoder=cnn"], "encoder=cnn is none that a policy of LeRobot's"),
        ("act", ["camera=observation.images.front"], "is what an encoder sees, and none is set"),
        (
            "act",
            ["encoder=torchvision:resnet18", "loader=lerobot"],
            "leave loader at memory",
        ),
        (
            "act",
            ["encoder=torchvision:resnet18", "camera=observation.images.side"],
            "has no 'observation.images.side'; it has 'observation.images.front'",
        ),
    ],
)
def test_what_cannot_be_seen_through_is_refused(policy, told, said, trained, tmp_path):
    with pytest.raises(RotoscopeError, match=said):
        train_policy(trained / "data", tmp_path / "no", policy, [*told, "steps=30000"])


def test_we_try_it(trained, tmp_path):
    found = evaluate_folder(trained / "policy", TASK, tmp_path / "eval", episodes=2, num_filmed=1)
    assert found["mean_steps"] >= 8
    assert (tmp_path / "eval" / "episodes.mp4").stat().st_size > 1000


def test_lerobots_own_eval_finds_our_simulator(trained, tmp_path):
    command = [
        sys.executable,
        "-m",
        "lerobot.scripts.lerobot_eval",
        "--env.discover_packages_path=rotoscope.models.simulators.lerobot_env",
        "--env.type=rotoscope",
        f"--env.task={TASK}",
        "--env.cameras=front",
        "--env.observation_width=48",
        "--env.observation_height=48",
        "--env.episode_length=12",
        f"--policy.path={trained / 'policy'}",
        "--eval.n_episodes=2",
        "--eval.batch_size=2",
        "--eval.use_async_envs=false",
        f"--output_dir={tmp_path / 'out'}",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "eval_info.json").is_file()


def test_distribution_is_found_by_its_name(tmp_path):
    source = ROOT / "models/simulators/lerobot_env/distribution"
    copy = tmp_path / "source"
    copy.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, *install, "--target", str(tmp_path / "site"), str(copy)], check=True
    )
    code = (
        "from lerobot.utils.import_utils import register_third_party_plugins as find; find();"
        "from lerobot.envs import EnvConfig; print('rotoscope' in EnvConfig.get_known_choices())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().endswith("True")


def test_killed_training_goes_on_and_other_settings_are_refused(trained, tmp_path, monkeypatch):
    import lerobot.scripts.lerobot_train as script

    settings = [*TINY, "steps=4", "save_freq=2"]
    steps = []
    update = script.update_policy

    def counted(*arguments, **options):
        if len(steps) == 3:
            raise KeyboardInterrupt
        steps.append(1)
        return update(*arguments, **options)

    monkeypatch.setattr(script, "update_policy", counted)
    with pytest.raises(KeyboardInterrupt):
        train_policy(trained / "data", tmp_path / "policy", "act", settings)
    with pytest.raises(UsageError, match="was begun with other settings or other data"):
        train_policy(trained / "data", tmp_path / "policy", "act", [*settings, "seed=1"])
    steps.clear()
    found = train_policy(trained / "data", tmp_path / "policy", "act", settings)
    assert found["steps"] == 4
    assert len(steps) == 2


def test_unknown_option_of_lerobots_is_refused(trained, tmp_path):
    with pytest.raises(UsageError, match="lerobot-train refused its options"):
        train_policy(trained / "data", tmp_path / "policy", "act", ["stesp=4"])


def test_own_loader_of_lerobots_leaves_single_rows_out_too(tmp_path):
    made = [
        tiny_data.rows_of(0, 20, discrete=True),
        tiny_data.rows_of(1, 20, discrete=True, bad=[(3, 4)]),
    ]
    data = tiny_data.publish(tmp_path / "data", made, camera="front", discrete=True)
    told = []
    found = train_policy(
        data,
        tmp_path / "policy",
        "act",
        [*TINY, "steps=1", "loader=lerobot", "num_workers=0"],
        say=told.append,
    )
    assert found["steps"] == 1
    assert told == [
        "learning from 39 of 40 rows (1 not trusted)",
        "1 of 3 stretches of trusted rows are shorter (3 rows) than the policy's chunk of 4: the "
        "rest of every such chunk is padding, which teaches nothing; plan fewer actions at once, "
        "or label longer stretches",
    ]


@pytest.mark.parametrize("loader", ["memory", "lerobot"])
@pytest.mark.parametrize("policy", ["act", "diffusion"])
def test_what_invalid_rows_hold_changes_no_weight(policy, loader, tmp_path, monkeypatch):
    from safetensors.numpy import load_file

    monkeypatch.setattr("rotoscope.models.training.frames._cache", lambda: tmp_path / "frames")
    settings = [s for s in TINY if policy == "act" or "backbone" in s or "batch" in s]
    settings += ["policy.device=cpu", "steps=3", f"loader={loader}", "num_workers=0", "seed=1"]
    if policy == "diffusion":
        pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
        settings += ["policy.down_dims=[8,16]", "policy.num_train_timesteps=4"]
        settings += ["policy.crop_shape=null", "batch_size=4"]
    found = []
    for number, nonsense in enumerate((999.0, -12345.0)):
        bad = [(3, 5), (19, 20)]
        made = [tiny_data.rows_of(n, 30, discrete=True, bad=bad) for n in range(2)]
        for rows in made:
            rows.actions[~rows.valid, 0] = nonsense
            rows.state[~rows.valid] = -nonsense
        data = tiny_data.publish(
            tmp_path / f"data{number}" / "same", made, discrete=True, camera="front", size=48
        )
        train_policy(data, tmp_path / f"policy{number}", policy, settings)
        found.append(load_file(tmp_path / f"policy{number}" / "model.safetensors"))
    changed = [n for n in found[0] if not np.array_equal(found[0][n], found[1][n])]
    assert changed == []
