"""Demonstrations from a simulator, as a LeRobot v3 dataset or as plain videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from rotoscope.models.simulators.rollout import Act, Transition, rollout
from rotoscope.models.simulators.simulator import IMAGES, STATE, Simulator
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.publish import PublishResult
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.video.encode import EpisodeEncoder

STEPS_AFTER_SUCCESS = 10
"""So that demonstrations show that the work is done."""


def record_dataset(
    simulator: Simulator,
    act: Act,
    seeds: Sequence[int],
    out: Path,
    *,
    state_names: Sequence[str] | None = None,
    hide: Callable[[int], bool] = lambda _: False,
    confidence: float = 1.0,
) -> PublishResult:
    """Records one episode a seed as a LeRobot v3 dataset.

    Failed ones are there too: `next.success` is True in none of their rows.

    Args:
        simulator: Where; its pictures are recorded if it was opened with cameras.
        act: What decides, such as `rollout.scripted_expert(simulator)`.
        seeds: Which starts.
        out: Folder of the dataset.
        state_names: Which of the simulator's numbers become `observation.state`; all where not
            given, and there is no state where empty.
        hide: By the episode's number, whether its actions are withheld: they are written as 0 and
            no row is valid.
        confidence: What `label.confidence` says of known rows.

    Raises:
        UsageError: A name that the simulator's state does not have.
        DatasetError: `out` holds something else.
    """
    facts = simulator.facts
    cameras = simulator.views.cameras
    names = facts.state_names if state_names is None else tuple(state_names)
    columns = state_columns(facts.state_names, names)
    # Of the family alone: datasets of two tasks of it can be merged.
    family = facts.name.partition(":")[0]
    told = StateColumns(names, "1", f"State of the simulator {family}.") if names else None
    with DatasetRecorder(facts.contract, told, camera="".join(cameras[:1])) as recorder:
        for number, seed in enumerate(seeds):
            steps, encoders = _episode(recorder, _demonstrate(simulator, act, seed), cameras)
            actions = np.array([t.action for t in steps], np.float32)
            is_known = not hide(number)
            rows = Rows(
                name=f"{facts.name.replace(':', '-')}-seed{seed:06d}",
                task=facts.task,
                actions=actions if is_known else np.zeros_like(actions),
                valid=np.full(len(steps), is_known),
                confidence=np.full(len(steps), confidence),
                state=np.array([t.observation[STATE][columns] for t in steps]) if names else None,
                success=np.array([t.step.is_success for t in steps]),
                reward=np.array([t.step.reward for t in steps]),
            )
            first = encoders.pop(cameras[0]) if cameras else None
            recorder.add(rows, first, encoders)
        return recorder.publish(out, made_by=f"recorded in {facts.name}")


def record_videos(simulator: Simulator, act: Act, seeds: Sequence[int], folder: Path) -> list[Path]:
    """Records one plain mp4 a seed, without states or actions: what labelers are for.

    Raises:
        UsageError: The simulator was not opened with exactly one camera.
    """
    cameras = simulator.views.cameras
    if len(cameras) != 1:
        raise UsageError(
            f"videos need one camera, got {', '.join(cameras) or 'none'}: open the simulator with "
            "Views(cameras=(NAME,))"
        )
    camera = cameras[0]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for seed in seeds:
        path = folder / f"seed{seed:06d}.mp4"
        steps = _demonstrate(simulator, act, seed)
        images = (t.observation[IMAGES + camera] for t in steps)
        write_video(path, images, fps=simulator.facts.fps)
        made.append(path)
    return made


def write_video(path: Path, images: Iterable[np.ndarray], *, fps: int) -> None:
    """An mp4 of RGB pictures of one even size, a key frame every second."""
    encoder: EpisodeEncoder | None = None
    with ExitStack() as stack:
        for image in images:
            if encoder is None:
                height, width = image.shape[:2]
                encoder = stack.enter_context(
                    EpisodeEncoder(path, width=width, height=height, fps=fps, g=fps, crf=18)
                )
            encoder.add(image)


def state_columns(there: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted numbers stand in a simulator's state.

    Raises:
        UsageError: One of them is not there.
    """
    missing = [name for name in wanted if name not in there]
    if missing:
        raise UsageError(
            f"the simulator's state has no {', '.join(map(repr, missing))}; it has "
            f"{', '.join(there)}"
        )
    return [list(there).index(name) for name in wanted]


def _demonstrate(simulator: Simulator, act: Act, seed: int) -> Iterator[Transition]:
    return rollout(simulator, act, seed=seed, steps_after_success=STEPS_AFTER_SUCCESS)


def _episode(
    recorder: DatasetRecorder, steps: Iterator[Transition], cameras: Sequence[str]
) -> tuple[list[Transition], dict[str, EpisodeEncoder]]:
    """The steps, without pictures, and a finished video of each camera."""
    kept: list[Transition] = []
    encoders: dict[str, EpisodeEncoder] = {}
    with ExitStack() as stack:
        for transition in steps:
            for number, camera in enumerate(cameras):
                image = transition.observation.pop(IMAGES + camera)
                if camera not in encoders:
                    encoders[camera] = stack.enter_context(recorder.encoder(image, number))
                encoders[camera].add(image)
            kept.append(transition)
    return kept, encoders
