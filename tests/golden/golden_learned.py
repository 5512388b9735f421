"""Goldens of the stages that ask a learned model; its numbers are drawn, not learned.

A trained model would bring the rounding of its training, and a change of training is none of the
stage's output.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from golden_case import Case, clip_of, parts, run_clip_stage, show_frames, video_of
from video_files import write_video

from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.inverse_dynamics.calibration import Calibration, Evidence
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.encoders import encoder_digest
from rotoscope.models.inverse_dynamics.error_model import ErrorModel
from rotoscope.models.inverse_dynamics.labeler import Labeler, save_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER, LabelerFacts
from rotoscope.models.inverse_dynamics.networks import LabelerScaling
from rotoscope.models.inverse_dynamics.pixels_stage import Pixels, PixelsConfig
from rotoscope.models.labelers.familiar_marks import NUM_MARKS
from rotoscope.models.labelers.familiarity import Familiarity
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import (
    LatentFacts,
    LatentModel,
    save_latent,
)
from rotoscope.models.latent_actions.networks import build_latent_network
from rotoscope.models.points.network_stage import PointsNetwork, PointsNetworkConfig
from rotoscope.models.states.folder import StateFacts, save_states
from rotoscope.models.states.state_map import StateRegressor
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.tracks import EmbeddingTrack, FeatureTrack
from rotoscope.pipeline.types import Clip, Frame
from rotoscope.pipeline.video.probe import probe

NUM, RATE_HZ, SIDE_PX = 50, 20.0, 32
SEEN = "track.point"
CONTRACT = ActionContract(
    robot="point",
    dimensions=(
        Dimension(name="ee.x", quantity="position", unit="m", lower=-2.0, upper=2.0),
        *(Dimension(name=f"ee.w{a}", quantity="rotation_vector", unit="rad") for a in "xyz"),
        Dimension(name="choice", quantity="discrete", unit="1", lower=0, upper=2),
    ),
    mode="delta",
    rate_hz=RATE_HZ,
    shift_s=0,
)
PICTURES = {"camera": "observation.images.front", "image_size": SIDE_PX}
LABELERS: dict[str, dict[str, Any]] = {
    "ridge": {"kind": "ridge", "inputs": (SEEN,), "members": 2},
    "kernel": {"kind": "kernel", "inputs": (SEEN,), "window": {"at_ends": "hold"}},
    "mlp": {"kind": "mlp", "inputs": (SEEN,), "members": 2, "hidden": 16},
    "cnn": {"kind": "mlp", "members": 2, "hidden": 16, **PICTURES},
    "pca": {"kind": "ridge", "members": 2, "components": 6, **PICTURES},
}


def save_drawn(name: str, folder: Path, *, encoder: str | None = None) -> Path:
    """A labeler of drawn numbers, on disk."""
    config = InverseDynamicsConfig.model_validate(LABELERS[name] | {"encoder": encoder})
    rng = np.random.default_rng(7)
    space, taps = ActionSpace.of(CONTRACT), len(config.window.offsets_s(RATE_HZ))
    width = len(config.inputs) * 3 + (6 if config.learns_components else 0)
    num_inputs, actions = width * taps, len(CONTRACT.dimensions)
    labeler = Labeler(
        facts=LabelerFacts(
            family="inverse_dynamics", config=config, contract=CONTRACT,
            inputs=config.inputs, input_sizes=(3,) * len(config.inputs), camera=config.camera,
            image_size=(SIDE_PX, SIDE_PX), constant=(), data_sha256="",
            encoder_sha256=encoder_digest(config.image_network), packages={},
        ),
        scaling=LabelerScaling(
            rng.normal(0, 0.1, num_inputs), rng.uniform(0.3, 1, num_inputs),
            rng.normal(0, 0.1, space.num_encoded), rng.uniform(0.3, 1, space.num_encoded),
            rng.uniform(0.3, 1, actions),
        ),
        components=_components(rng) if config.learns_components else None,
        members=(),
        calibration=_calibration(ErrorModel(*(np.zeros((1, 1)),) * 3), np.ones(actions), rng),
        familiarity=_familiarity(config, rng),
        metrics={},
    )  # fmt: skip
    num_members = 1 if config.kind == "kernel" else 2
    members = tuple(
        _member(labeler, num_inputs, space.num_encoded, rng) for _ in range(num_members)
    )
    labeler = replace(labeler, members=members)
    num_signs = 2 + (taps - 1) * bool(width) + (taps - 1) * config.learns_images + 2
    doubt = ErrorModel(
        rng.normal(-1, 0.2, (actions, num_signs)), rng.uniform(0.5, 1, (actions, num_signs)),
        rng.normal(-0.2, 0.1, (actions, num_signs + 1)),
    )  # fmt: skip
    calibration = _calibration(doubt, rng.uniform(0.8, 1.2, actions), rng)
    save_labeler(replace(labeler, calibration=calibration), folder)
    return folder


def _member(labeler: Labeler, num_inputs: int, num_encoded: int, rng: Any) -> dict[str, Any]:
    kind, actions = labeler.facts.config.kind, len(CONTRACT.dimensions)
    if kind == "ridge":
        return {
            "weight": rng.normal(0, 0.2, (num_inputs + 1, num_encoded)),
            "log_variance": rng.normal(-0.2, 0.1, (num_inputs + 1, actions)),
        }
    if kind == "kernel":
        return {
            "centres": rng.normal(0, 1, (30, num_inputs)).astype(np.float32),
            "exponent": np.array([0.05], np.float32),
            "weight": rng.normal(0, 0.5, (30, num_encoded)).astype(np.float32),
        }
    return drawn_weights(labeler.build(), rng)


def drawn_weights(module: Any, rng: Any) -> dict[str, np.ndarray]:
    """Numbers for every weight of a network, of a size that keeps its layers alive."""
    out = {}
    for name, value in module.state_dict().items():
        shape = tuple(value.shape)
        drawn = rng.normal(0, 1 / np.sqrt(max(1, int(np.prod(shape[1:])))), shape)
        is_spread = name.endswith(("var", "weight")) and len(shape) == 1
        out[name] = (1 + 0.1 * np.abs(drawn) if is_spread else drawn).astype(value.numpy().dtype)
    return out


def _components(rng: Any) -> PictureComponents:
    mean = rng.uniform(0.3, 0.6, 3 * SIDE_PX**2)
    directions = np.linalg.qr(rng.normal(size=(3 * SIDE_PX**2, 6)))[0]
    return PictureComponents(mean.astype(np.float32), directions.astype(np.float32))


def _calibration(doubt: ErrorModel, factor: np.ndarray, rng: Any) -> Calibration:
    evidence = Evidence(
        rng.normal(-1, 0.5, (60, max(0, doubt.mean.shape[1] - 2))),
        rng.exponential(0.5, (60, len(factor))),
        np.full(60, 1 / 60),
    )
    return Calibration(doubt, factor, 1.4 * factor, evidence, 1.3)


def _familiarity(config: InverseDynamicsConfig, rng: Any) -> Familiarity:
    looks = _components(rng) if config.camera else None
    num = len(config.inputs) * 3 + (6 if looks else 0)
    statistics = 7 + (NUM_MARKS if looks else 0)
    return Familiarity(
        looks, rng.normal(0, 0.1, num), rng.uniform(0.3, 1, num), np.array([0.8]),
        np.array([1 / RATE_HZ]), rng.normal(0, 1, (40, 3, num)).astype(np.float32),
        rng.normal(0, 0.5, statistics), rng.uniform(0.5, 2, statistics),
    )  # fmt: skip


def _seen(feature: str = SEEN) -> dict[str, FeatureTrack]:
    time_s = np.arange(NUM)[:, None] / RATE_HZ
    values = np.sin(time_s * [2.0, 3.1, 4.3] + [0.0, 1.0, 2.0])
    values[20:22] = np.nan
    return {"features.point": FeatureTrack(feature, "scene", values, ("x", "y", "z"), "m", "A.")}


def inverse_dynamics(folder: Path) -> dict[str, Any]:
    clip, made = clip_of(NUM, rate_hz=RATE_HZ), {}
    part = Clip(video_of(2 * NUM, rate_hz=RATE_HZ), 10, clip.time_s + 10 / RATE_HZ)
    for name in ("ridge", "kernel", "mlp"):
        model = save_drawn(name, folder / name)
        for clip_name, shown in {"whole": clip, "part": part}.items():
            made[f"{name} {clip_name}"] = run_clip_stage(
                "label.inverse_dynamics", shown, _seen(), model=model
            )
    for name, size in {"cnn": 2 * 64, "pca": 6}.items():
        model = save_drawn(name, folder / name)
        numbers = size + 6 + NUM_MARKS
        values = np.random.default_rng(3).normal(size=(NUM, numbers)).astype(np.float16)
        tracks = {"pixels": EmbeddingTrack(LABELER_FOLDER.digest(model), values)}
        made[name] = run_clip_stage("label.inverse_dynamics", clip, tracks, model=model)
    return parts(**made)


def pixels(folder: Path) -> dict[str, Any]:
    frames = [Frame(t, t / RATE_HZ, lambda t=t: picture(t, 96, 64)) for t in range(12)]
    made = {}
    for name, model in _pixel_models(folder).items():
        stage = Pixels(PixelsConfig(model=model))
        stage.setup()
        # The hash of the folder, which is there too, follows its layout.
        track = show_frames(stage, video_of(12, size=(96, 64), rate_hz=RATE_HZ), frames)["pixels"]
        made[name] = track.values.astype(np.float32)
    return made


def _pixel_models(folder: Path) -> dict[str, Path]:
    """Labelers with an encoder of each kind whose weights no package brings."""
    latent_model = save_latent_model("continuous", folder / "continuous")
    return {
        "cnn": save_drawn("cnn", folder / "cnn"),
        "pca": save_drawn("pca", folder / "pca"),
        "latent": save_drawn("pca", folder / "latent", encoder=f"latent:{latent_model}"),
    }


def picture(index: int, width: int, height: int) -> np.ndarray:
    """A disc that goes its way over a ramp."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    x, y = width * (0.5 + 0.3 * np.sin(index / 5)), height * (0.5 + 0.3 * np.cos(index / 7))
    share = np.clip(8 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
    ramp = np.stack([columns / width, rows / height, 0.5 + 0 * rows], axis=2)
    return np.rint(255 * (share * [0.9, 0.3, 0.1] + (1 - share) * ramp)).astype(np.uint8)


def latent(folder: Path) -> dict[str, Any]:
    path = write_video(
        folder / "disc.mkv",
        frames=15,
        fps=20,
        codec="ffv1",
        pixel_format="bgr0",
        size=(96, 64),
        paint=picture,
    )
    clip, made = Clip(probe(path), 0, np.arange(15) / 20), {}
    for kind in ("continuous", "vq"):
        model = save_latent_model(kind, folder / kind)
        made[kind] = run_clip_stage("label.latent", clip, {}, model=model)
    return parts(**made)


def save_latent_model(kind: str, folder: Path) -> Path:
    """A latent action model of drawn numbers, on disk."""
    config = LatentActionConfig.model_validate(
        {"latent": kind, "latent_size": 8, "hidden": 16, "image_size": SIDE_PX}
        | ({"codebook": {"num_groups": 2}} if kind == "vq" else {})
    )
    facts = LatentFacts(
        config=config, gap_s=0.1, picture_shape=(96, 64), num_features=0,
        feature_scale=1.0, num_targets=0, embodiments=("one",), num_videos=1, data_sha256="",
        packages={},
    )  # fmt: skip
    network = build_latent_network(config, num_features=0, num_embodiments=1, num_targets=0)
    weights = drawn_weights(network, np.random.default_rng(5))
    save_latent(LatentModel(facts, weights, {"collapsed": False}), folder)
    return folder


class _Slides(torch.nn.Module):
    """Says that every point goes right by two pixels a frame and is hidden in the right half."""

    def forward(
        self, video: torch.Tensor, queries: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(video.shape[1]).float()
        shift = torch.stack([2.0 * steps, torch.zeros_like(steps)], dim=1)
        tracks = queries[:, None, :, 1:] + shift[None, :, None]
        return tracks, (tracks[..., 0] < 0.5 * video.shape[4]).float()


def points_network(folder: Path) -> dict[str, Any]:
    torch.jit.script(_Slides()).save(str(folder / "tracker.pt"))
    stage = PointsNetwork(
        PointsNetworkConfig(
            model=folder / "tracker.pt", num_points=30, width_px=160, height_px=120, window_frames=5
        )
    )
    stage.setup()
    squares = np.random.default_rng(0).integers(40, 220, (30, 40)).repeat(8, 0).repeat(8, 1)
    image = squares[..., None].repeat(3, 2).astype(np.uint8)
    frames = [Frame(k, k / 30, lambda: image) for k in range(13)]
    return show_frames(stage, video_of(len(frames), size=(320, 240)), frames)


def states(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    model = StateRegressor(
        centre=rng.normal(0, 0.1, 3), spread=rng.uniform(0.5, 1, 3),
        anchors=rng.normal(size=(40, 3)), weights=rng.normal(0, 0.3, (40, 2)),
        mean=rng.normal(size=2), width=1.5,
    )  # fmt: skip
    facts = StateFacts(
        inputs=(SEEN,), input_sizes=(3,), target="observation.state", width=1.5, penalty=0.1,
        error=(0.1, 0.1),
    )  # fmt: skip
    save_states(model, facts, folder / "point.states")
    seen = _seen()
    values = seen["features.point"].values.copy()
    values[35:45, 0] = np.nan
    seen["features.point"] = seen["features.point"].replace(values=values)
    clip = clip_of(NUM, rate_hz=RATE_HZ)
    return run_clip_stage("track.state", clip, seen, model=folder / "point.states")


CASES = {
    "points.network": Case(points_network, 1e-4, "corners in single precision"),
    "track.state": Case(states, 1e-7, "the smoother's strength is found by an optimizer"),
    "label.pixels": Case(pixels, 1e-4, "networks in single precision, kept in half precision"),
    "label.inverse_dynamics": Case(
        inverse_dynamics, 3e-5, "networks and kernels in single precision"
    ),
    "label.latent": Case(latent, 3e-5, "networks in single precision"),
}
