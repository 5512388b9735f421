"""A policy that plans latents of all episodes and decodes them by the few whose actions are known.

A square circles about the middle of the picture: what it does next is seen in one picture. A darker
one wanders by itself.
"""

import json
import shutil

import moving_squares
import numpy as np
import pytest

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

CAMERA = "observation.images.front"
ROWS, LABELED, EPISODES = 40, 4, 12
TURN_RAD = 0.12
FAST = ["image_size=32", "shift_px=0", "hidden=[32,32]", "held_out_share=0.25",
        "loop.num_steps=120", "loop.learning_rate=0.004", "loop.batch_size=48",
        "loop.eval_every=40"]  # fmt: skip
CONTRACT = ActionContract(
    robot="square",
    dimensions=tuple(Dimension(name=n, quantity="position", unit="px") for n in ("x", "y")),
    rate_hz=moving_squares.RATE_HZ,
    shift_s=0,
    is_state=False,
)


def path(number):
    phase = np.random.default_rng(number).uniform(0, 2 * np.pi) + TURN_RAD * np.arange(ROWS + 1)
    return 0.5 + 0.25 * np.stack([np.cos(phase), np.sin(phase)], axis=1)


def video(number):
    images = np.full((ROWS, moving_squares.SIZE, moving_squares.SIZE, 3), 40.0)
    for image, mine, its in zip(
        images, path(number), moving_squares.path(900 + number, ROWS), strict=False
    ):
        moving_squares.draw(image, mine, half=3, value=np.array([180.0, 160.0, 20.0]))
        moving_squares.draw(image, its, half=2, value=np.array([0.0, 20.0, 60.0]))
    return np.clip(images, 0, 255).astype(np.uint8)


def train_latent(folder, **settings):
    videos = tuple(
        UnlabelledVideo(
            name=f"video {i}",
            time_s=np.arange(ROWS) / moving_squares.RATE_HZ,
            images=video(i),
            targets=path(i)[:-1],
            points=path(i)[:-1, None],
        )
        for i in range(EPISODES)
    )
    size = (moving_squares.SIZE, moving_squares.SIZE)
    target = moving_squares.TARGET
    loop = {"num_steps": 80, "batch_size": 8, "eval_every": 40, "learning_rate": 4e-3}
    own = {"image_size": 32, "latent_size": 8, "hidden": 32, "shift_px": 1, "gap_s": 0.1}
    own["tracks"] = {"targets": [target], "points": ["track.square"], "weight": 3}
    config = LatentActionConfig.model_validate(own | settings | {"loop": loop})
    train_latent_action(UnlabelledSet(videos, ("squares",), size, (target,) * 2), config, folder)
    return folder


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    return train_latent(tmp_path_factory.mktemp("latent") / "model")


@pytest.fixture(scope="module")
def circling(tmp_path_factory):
    """Of the first episodes actions are known; of the others they are nonsense and say so."""
    out = tmp_path_factory.mktemp("circling") / "data"
    columns = StateColumns(("x", "y"), "1", "Where the square is.")
    with DatasetRecorder(CONTRACT, columns, camera="front") as recorder:
        for number in range(EPISODES):
            actions = moving_squares.SIZE * np.diff(path(number), axis=0)
            is_known = number < LABELED
            encoder = recorder.encoder(video(number)[0])
            with encoder:
                for picture in video(number):
                    encoder.add(picture)
            recorder.add(
                Rows(
                    name=f"circle-{number}",
                    task="circle",
                    actions=actions if is_known else np.full_like(actions, 77.0),
                    valid=np.full(ROWS, is_known),
                    confidence=np.full(ROWS, 0.9),
                    state=path(number)[:-1],
                ),
                encoder,
            )
        recorder.publish(out, made_by="a test")
    return out


def wanted(number, row):
    return moving_squares.SIZE * np.diff(path(number), axis=0)[row]


@pytest.mark.parametrize(
    "sees", [["inputs=[observation.state]"], ["inputs=[]", f"camera={CAMERA}"]]
)
def test_plans_are_learned_from_all_rows_and_decoded_by_the_known(circling, latent, tmp_path, sees):
    own = tmp_path / "latent"
    shutil.copytree(latent, own)
    said = []
    metrics = train_policy(circling, tmp_path / "policy", "bc",
                           [*FAST, *sees, f"plans=latent:{own}"], listener=said.append)  # fmt: skip
    assert list(dict.fromkeys(event.name for event in said)) == ["latent actions", "policy"]
    plan = metrics["plan"]
    assert plan["learned_rows"] > 2 * metrics["learned_rows"]
    assert plan["from_true_latents"]["rows"] == plan["from_planned_latents"]["rows"] > 30
    assert plan["from_true_latents"]["mean_r2"] > 0.9
    assert plan["from_planned_latents"]["mean_r2"] > 0.8
    assert metrics["mean_r2"] > 0.8
    shutil.rmtree(own)
    policy = load_policy(tmp_path / "policy")
    seen = {"observation.state": path(50)[7], CAMERA: video(50)[7]}
    np.testing.assert_allclose(policy.act(seen), wanted(50, 7), atol=0.45)


def test_codes_are_planned_as_choices_and_a_chunk_within_a_latent(circling, tmp_path):
    model = train_latent(tmp_path / "vq", latent="vq", codebook={"num_codes": 6, "num_groups": 2})
    settings = [*FAST, f"plans=latent:{model}", "chunk=2", "execute=2"]
    metrics = train_policy(circling, tmp_path / "policy", "bc", settings)
    assert metrics["plan"]["latents"]["accuracy"] > 0.6
    policy = load_bc_policy(tmp_path / "policy")
    planned = policy.planner.predict(path(50)[7:9], None)[:, 0]
    assert set(np.unique(planned)) <= set(range(6))
    assert policy.plan({"observation.state": path(50)[7]}).shape == (2, 2)


@pytest.mark.parametrize("part", ["latent actions", "policy"])
def test_killed_training_of_a_plan_ends_with_the_same_bytes(circling, latent, tmp_path, part):
    class KilledError(Exception):
        pass

    def kill(event):
        if event.name == part and event.step >= 80:
            raise KilledError

    settings = [*FAST, f"plans=latent:{latent}", "loop.checkpoint_every=40"]
    train_policy(circling, tmp_path / "whole", "bc", settings)
    with pytest.raises(KilledError):
        train_policy(circling, tmp_path / "killed", "bc", settings, listener=kill)
    train_policy(circling, tmp_path / "killed", "bc", settings)
    for name in ("model.safetensors", "policy.yaml", "metrics.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert not (tmp_path / "killed.training").exists()
    assert json.loads((tmp_path / "whole" / "metrics.json").read_text())["plan"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["plans=latents"], "nothing that a policy can plan; valid ones are actions and latent"),
        (["plans=latent:MODEL", "chunk=3"], "chunk=3 actions .* spans 0.1 s, 2 rows"),
        (["plans=latent:nowhere"], "is no trained latent action model"),
        (["plans=latent:MODEL", "encoder=latent:MODEL", "pretrain=true", f"camera={CAMERA}"],
         "set one of the two"),
    ],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(circling, latent, tmp_path, settings, message):
    settings = [text.replace("MODEL", str(latent)) for text in settings]
    with pytest.raises(UsageError, match=message):
        train_policy(circling, tmp_path / "policy", "bc", [*FAST, *settings])
    assert not (tmp_path / "policy").exists()
