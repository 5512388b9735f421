"""Meta-World tasks filmed small while their expert acts, for labelers that see pictures alone."""

from __future__ import annotations

import numpy as np

from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.product import metaworld_contract
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.files.atomic import atomic_path

CAMERA = "observation.images.front"
SIZE_PX, STEPS = 64, 4
"""Every fourth of 80 steps a second is filmed; its action is the mean until the next."""
_SEEDS = (*range(20_000, 20_005), *range(10_000, 10_003))


def filmed(task: str) -> LabeledSet:
    """Five episodes to learn from and three more, 20 pictures a second of 64 px, kept on disk."""
    path = bench_folder() / "honesty" / f"filmed-{task}.npz"
    if not path.is_file():
        made = _film(task)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **made)  # type: ignore[arg-type]  # numpy's own stub
    with np.load(path, allow_pickle=False) as stored:
        episodes = [
            _episode(f"episode {i}", stored[f"images_{i}"], stored[f"actions_{i}"])
            for i in range(len(_SEEDS))
        ]
    contract = metaworld_contract().model_copy(update={"rate_hz": 80 / STEPS})
    return LabeledSet(tuple(episodes), contract, (), (), CAMERA, (SIZE_PX, SIZE_PX))


def _episode(name: str, images: np.ndarray, actions: np.ndarray) -> LabeledEpisode:
    num = len(images)
    return LabeledEpisode(
        name=name,
        time_s=np.arange(num) * STEPS / 80,
        features=np.zeros((num, 0)),
        images=images,
        actions=actions.astype(float),
        valid=np.ones(num, bool),
    )


def _film(task: str) -> dict[str, np.ndarray]:
    import mujoco

    simulator = MetaWorldSimulator(task)
    renderer = mujoco.Renderer(simulator.model, SIZE_PX, SIZE_PX)
    made = {}
    try:
        for number, seed in enumerate(_SEEDS):
            pictures: list[np.ndarray] = []
            steps = 0

            def act(observation: np.ndarray, pictures: list[np.ndarray] = pictures) -> np.ndarray:
                nonlocal steps
                if steps % STEPS == 0:
                    # A property for it would change the hash that kept episodes go by.
                    renderer.update_scene(simulator._environment.data, camera="corner2")
                    for flag in ("SHADOW", "REFLECTION"):
                        renderer.scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{flag}")] = 0
                    pictures.append(renderer.render().copy())
                steps += 1
                return simulator.expert(observation)

            actions = simulator.episode(act, seed=seed).demonstration.actions
            num = len(actions) // STEPS
            made[f"images_{number}"] = np.stack(pictures[:num])
            whole = actions[: num * STEPS].reshape(num, STEPS, -1)
            made[f"actions_{number}"] = whole.mean(axis=1)
    finally:
        renderer.close()
    return made
