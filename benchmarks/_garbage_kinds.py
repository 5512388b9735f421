"""Every kind of input that comes from outside, and what reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st

from benchmarks._garbage import VALUES, Kind, damaged, mutated, replaced
from benchmarks._small_dataset import publish_small
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import (
    LatentFacts,
    LatentModel,
    load_latent,
    save_latent,
)
from rotoscope.models.latent_actions.networks import build_latent_network
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.states.folder import StateFacts, load_states, save_states
from rotoscope.models.states.state_map import StateRegressor
from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.recipe import build_recipe, load_recipe, recipe_names
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.request import load_request
from rotoscope.pipeline.run.rows import public_row
from rotoscope.pipeline.settings import read_settings

RECIPE = "hand-gripper"


def kinds() -> dict[str, Callable[[Path], Kind]]:
    """Name to what makes the kind, given an empty folder to work in."""
    return {
        "recipe_values": _recipe_values,
        "recipes": _recipes,
        "recipe_files": _recipe_files,
        "overrides": _overrides,
        "settings": _settings,
        "run_json": _run_json,
        "ledger": _ledger,
        "info_json": _info_json,
        "sidecars": _sidecars,
        "dataset_files": _dataset_files,
        "labeler": _labeler,
        "policy": _policy,
        "states": _states,
        "latent": _latent,
    }


def _use_recipe(raw: object) -> None:
    recipe = build_recipe(raw)
    recipe.digest()
    build_recipe(recipe.as_raw())


def _recipe_values(folder: Path) -> Kind:
    stage = st.one_of(
        VALUES, st.sampled_from(["shots", "hands as h", "curate", "./x.py:Y", "~a/b.py:C"])
    )
    keys = ["name", "task", "action", "video", "export", "limits", "description", "other"]
    whole = st.fixed_dictionaries(
        {"stages": st.one_of(VALUES, st.lists(stage, max_size=3))},
        optional={key: VALUES for key in keys},
    )
    return Kind(st.one_of(VALUES, whole), _use_recipe)


def _recipes(folder: Path) -> Kind:
    shipped = [
        yaml.safe_load(config_path("recipes", f"{n}.yaml").read_text()) for n in recipe_names()
    ]
    resolved = load_recipe(RECIPE).as_raw()
    good = st.sampled_from([*shipped, resolved])
    return Kind(good.flatmap(mutated), _use_recipe)


def _recipe_files(folder: Path) -> Kind:
    path = folder / "r.yaml"
    good = config_path("recipes", f"{RECIPE}.yaml").read_bytes()
    snippets = st.lists(
        st.sampled_from(
            [
                "a: ",
                "&a ",
                "*a",
                "[",
                "]",
                "{",
                "}",
                "- ",
                "\n",
                "\t",
                "!!int ",
                "? ",
                "<<: ",
                "|",
                ">",
                "stages: ",
                "shots",
                "9" * 5000,
                ".nan",
                "0b",
                "2024-13-45",
                "'",
                '"',
                "%",
                "---",
                "#",
                "=",
                "~",
            ]
        ),
        max_size=12,
    ).map(lambda parts: "".join(parts).encode())

    def read(data: bytes) -> None:
        path.write_bytes(data)
        load_recipe(str(path)).digest()

    return Kind(st.one_of(damaged(good), st.binary(max_size=80), snippets), read)


def _overrides(folder: Path) -> Kind:
    keys = [
        "hands",
        "export",
        "limits",
        "camera",
        "retarget",
        "video",
        "task",
        "action",
        "name",
        "",
    ]
    fields = ["fps", "num_hands", "memory_gib", "robot", "", "a.b", "state", "T_camera_base"]
    values = st.one_of(
        VALUES.map(lambda v: json.dumps(v)),
        st.text(max_size=12),
        st.sampled_from(["[[", "*a", "&a [*a]", "!!int x", "{a: ", ".inf", "9" * 5000]),
    )
    text = st.builds(
        lambda key, field, equals, value: f"{key}.{field}{equals}{value}",
        st.sampled_from(keys), st.sampled_from(fields), st.sampled_from(["=", "==", ""]), values,
    )  # fmt: skip
    return Kind(
        st.lists(st.one_of(text, st.text(max_size=20)), min_size=1, max_size=3),
        lambda texts: load_recipe(RECIPE, texts).digest(),
    )


def _settings(folder: Path) -> Kind:
    keys = ["kind", "inputs", "loop.seed", "window.before_s", "kernel", "camera", "loop", ""]
    text = st.builds(
        lambda key, value: f"{key}={value}",
        st.sampled_from(keys),
        VALUES.map(lambda v: json.dumps(v)),
    )
    return Kind(
        st.lists(st.one_of(text, st.text(max_size=20)), min_size=1, max_size=3),
        lambda texts: read_settings(texts, InverseDynamicsConfig),
    )


def _run_json(folder: Path) -> Kind:
    out = folder / "out"
    path = folder / "out.rotoscope" / "run.json"
    path.parent.mkdir()
    good = {
        "inputs": ["videos"], "recipe": load_recipe(RECIPE).as_raw(), "folder": None,
        "store": "store", "workers": 1, "only": None, "limit": None, "until": "",
    }  # fmt: skip
    text = json.dumps(good).encode()
    values = st.one_of(mutated(good), VALUES).map(lambda value: json.dumps(value).encode())

    def read(data: bytes) -> None:
        path.write_bytes(data)
        load_request(out)

    return Kind(st.one_of(values, values, damaged(text)), read)


def _ledger(folder: Path) -> Kind:
    path = folder / "ledger.jsonl"
    good = {key: value for key, value in vars(Row("a.mp4", "failed", frames=3)).items()}
    line = st.one_of(mutated(good), VALUES).map(lambda value: json.dumps(value).encode())
    lines = st.lists(st.one_of(line, line.flatmap(damaged)), max_size=4)

    def read(data: list[bytes]) -> None:
        path.write_bytes(b"\n".join(data))
        rows = Ledger(path).rows()
        [(public_row(row), f"{row.cpu_s:.1f} {row.frames + 1} {row.status}") for row in rows]
        sum(row.cpu_s for row in rows)

    return Kind(lines, read)


def _small(folder: Path) -> Path:
    dataset = folder / "dataset"
    publish_small(dataset, episodes=2, rows=12)
    return dataset


def _use_dataset(root: Path) -> None:
    # One must read what the other calls sound, and neither may fall.
    try:
        dataset = open_dataset(root)
        for index in range(len(dataset.table)):
            episode = dataset.episode(index)
            if episode.video_file is not None:
                list(read_images(episode, [0, episode.num_rows - 1], dataset.fps))
        dataset.names("action")
    finally:
        diagnose(root)


def _info_json(folder: Path) -> Kind:
    root = _small(folder)
    path = root / "meta" / "info.json"
    good = json.loads(path.read_text())
    values = st.one_of(mutated(good), VALUES).map(lambda value: json.dumps(value).encode())

    def read(data: bytes) -> None:
        with replaced(path, data):
            _use_dataset(root)

    return Kind(st.one_of(values, values, damaged(path.read_bytes())), read)


def _sidecars(folder: Path) -> Kind:
    root = _small(folder)
    files = ["provenance.json", "contract.json", "episodes.jsonl", "ledger.jsonl", "features.json"]
    paths = [root / "meta" / "rotoscope" / name for name in files]

    def spoilt(path: Path) -> st.SearchStrategy[tuple[Path, bytes]]:
        lines = (
            [json.loads(text) for text in path.read_text().splitlines()]
            if path.suffix == ".jsonl"
            else None
        )
        good = lines or json.loads(path.read_text())
        dumped = mutated(good).map(lambda value: _dumped(value, is_lines=lines is not None))
        return st.tuples(st.just(path), st.one_of(dumped, dumped, damaged(path.read_bytes())))

    def read(spoilt_file: tuple[Path, bytes]) -> None:
        with replaced(*spoilt_file):
            diagnose(root)
            write_report(root, folder / "page.html", max_episodes=1)

    return Kind(st.sampled_from(paths).flatmap(spoilt), read)


def _dumped(value: Any, *, is_lines: bool) -> bytes:
    if is_lines and isinstance(value, list):
        return "\n".join(json.dumps(line) for line in value).encode()
    return json.dumps(value).encode()


def _dataset_files(folder: Path) -> Kind:
    root = _small(folder)
    files = sorted(f for f in root.rglob("*") if f.is_file())

    def read(spoilt_file: tuple[Path, bytes]) -> None:
        with replaced(*spoilt_file):
            _use_dataset(root)

    spoilt = st.sampled_from(files).flatmap(
        lambda path: st.tuples(st.just(path), damaged(path.read_bytes()))
    )
    return Kind(spoilt, read)


def _folder_kind(folder: Path, use: Callable[[Path], object]) -> Kind:
    """A folder of something trained, one file of it spoilt."""
    files = sorted(f for f in folder.iterdir() if f.is_file())

    def spoilt(path: Path) -> st.SearchStrategy[tuple[Path, bytes]]:
        data = path.read_bytes()
        if path.suffix == ".yaml":
            good = yaml.safe_load(data)
            values = mutated(good).map(lambda v: json.dumps(v).encode())
        elif path.suffix == ".json":
            values = mutated(json.loads(data)).map(lambda v: json.dumps(v).encode())
        else:
            size = int.from_bytes(data[:8], "little")
            header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
            values = mutated(header).map(lambda v: _safetensors(v, body))
        return st.tuples(st.just(path), st.one_of(values, values, damaged(data)))

    def read(spoilt_file: tuple[Path, bytes]) -> None:
        with replaced(*spoilt_file):
            use(folder)

    return Kind(st.sampled_from(files).flatmap(spoilt), read)


def _safetensors(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def _labeler(folder: Path) -> Kind:
    dataset = folder / "data"
    publish_small(dataset, episodes=4, rows=40)
    settings = ["inputs=[observation.state]", "members=2", "hidden=8", "loop.num_steps=2"]
    made = [folder / kind for kind in ("ridge", "kernel", "mlp")]
    for out in made:
        train_labeler("inverse-dynamics", dataset, out, [*settings, f"kind={out.name}"])

    def use(place: Path) -> None:
        labeler = load_labeler(place)
        labeler.label(np.zeros((2, len(labeler.scaling.input_mean))))

    parts = [_folder_kind(out, use) for out in made]
    return Kind(
        st.sampled_from(parts).flatmap(lambda kind: st.tuples(st.just(kind), kind.values)),
        lambda pair: pair[0].read(pair[1]),
    )


def _policy(folder: Path) -> Kind:
    dataset = folder / "data"
    publish_small(dataset, episodes=4, rows=40)
    out = folder / "policy"
    train_policy(dataset, out, "bc", ["hidden=[8]", "loop.num_steps=2", "held_out_share=0.3"])

    def use(place: Path) -> None:
        policy = load_bc_policy(place)
        policy.reset(0)
        sizes = {name: len(names) for name, names in policy.state_names.items()}
        if not policy.image_sizes:
            policy.act({name: np.zeros(size) for name, size in sizes.items()})

    return _folder_kind(out, use)


def _states(folder: Path) -> Kind:
    generator = np.random.default_rng(0)
    model = StateRegressor(
        centre=np.zeros(3), spread=np.ones(3), anchors=generator.normal(size=(5, 3)),
        weights=generator.normal(size=(5, 2)), mean=np.zeros(2), width=0.3,
    )  # fmt: skip
    facts = StateFacts(
        inputs=("track.point",), input_sizes=(3,), target="observation.state",
        width=0.3, penalty=0.01, error=(0.1, 0.1),
    )  # fmt: skip
    save_states(model, facts, folder / "states")

    def use(place: Path) -> None:
        states, known = load_states(place)
        states(np.zeros((2, sum(known.input_sizes))))

    return _folder_kind(folder / "states", use)


def _latent(folder: Path) -> Kind:
    config = LatentActionConfig.model_validate({"image_size": 16, "latent_size": 4, "hidden": 8})
    module = build_latent_network(config, num_features=0, num_embodiments=1, num_targets=0)
    weights = {k: v.numpy() for k, v in module.state_dict().items() if not k.startswith("target.")}
    facts = LatentFacts(
        config=config, gap_s=0.1, picture_shape=(64, 48), num_features=0,
        feature_scale=1.0, num_targets=0, embodiments=("a",), num_videos=2, data_sha256="",
        packages={},
    )  # fmt: skip
    save_latent(LatentModel(facts, weights, {"collapsed": False, "advice": []}), folder / "latent")

    def use(place: Path) -> None:
        model = load_latent(place)
        if model.facts.config.learns_images and model.facts.config.image_size <= 64:
            pictures = np.zeros((2, 16, 16, 3), np.uint8)
            found = model.features(pictures)
            model.latents(found[:1], found[1:])

    return _folder_kind(folder / "latent", use)
