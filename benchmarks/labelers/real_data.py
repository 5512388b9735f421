"""Recordings with true actions that others made, as labeled sets; pictures are kept small.

None of the three is in the layout that `rotoscope train` reads (LeRobot v3): two are LeRobot v2,
one is a folder of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.labelers.cells import bench_folder
from benchmarks.paths import shared_data
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.pictures import shrink
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.files.atomic import atomic_path

CAMERA = "observation.images.front"
SIZE_PX = 64
G1_FRAMES = 10
"""Frames that an action of the G1 set spans: how far joints move from a row to that many later."""
G1_JUDGED = (*range(7, 14), *range(20, 26))
"""Right arm and right hand; the left side barely moves."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One set: what is seen and done, and what a robot's own sensors say."""

    name: str
    """Of the folder."""
    data: LabeledSet
    """Episodes with pictures, or with a state where there are none."""
    states: tuple[np.ndarray, ...]
    """What the robot measured of the same numbers that actions are of, or none."""
    judged: tuple[int, ...]
    """Dimensions that count."""
    groups: tuple[tuple[int, ...], ...]
    """Episodes that are left out together."""


def g1() -> Recording | None:
    """Eight episodes of a Unitree G1 with Inspire hands, 30 frames/s; `None` where absent."""
    folder = _folder("g1_lerobot")
    if folder is None:
        return None
    names = sorted(file.stem for file in folder.glob("data/*/*.parquet"))
    tables = [_table(next(folder.glob(f"data/*/{name}.parquet"))) for name in names]
    videos = [next(folder.glob(f"videos_h264/**/{name}.mp4")) for name in names]
    episodes, states = [], []
    for name, (state, action), video in zip(names, tables, videos, strict=True):
        images = _kept(f"g1_{name}", partial(_frames, video))
        delta = np.zeros_like(action)
        delta[:-G1_FRAMES] = action[G1_FRAMES:] - action[:-G1_FRAMES]
        valid = np.arange(len(action)) < len(action) - G1_FRAMES
        episodes.append(_episode(name, delta, valid, 30.0, images=images))
        moved = np.zeros_like(state)
        moved[:-G1_FRAMES] = state[G1_FRAMES:] - state[:-G1_FRAMES]
        states.append(moved)
    pairs = tuple((i, i + 1) for i in range(0, len(episodes), 2))
    data = _set("unitree_g1", episodes, 30.0, mode="delta")
    return Recording("g1", data, tuple(states), G1_JUDGED, pairs)


def gr00t() -> Recording | None:
    """Three episodes of a simulated GR1, halves apart, seen by its own state; `None` if absent."""
    folder = _folder("gr00t_picknplace")
    if folder is None:
        return None
    episodes, states = [], []
    for file in sorted(folder.glob("data/*/*.parquet")):
        state, action = _table(file)
        middle = len(action) // 2
        for half in (slice(0, middle), slice(middle, len(action))):
            count = np.ones(len(action[half]), bool)
            name = f"{file.stem} from row {half.start}"
            episodes.append(_episode(name, action[half], count, 20.0, features=state[half]))
            states.append(state[half])
    data = _set("gr1", episodes, 20.0, inputs=("observation.state",))
    pairs = tuple((i, i + 1) for i in range(0, len(episodes), 2))
    return Recording("gr00t", data, tuple(states), tuple(range(data_size(data))), pairs)


def ivideogpt(task: str) -> Recording | None:
    """Demonstrations of one Meta-World task as 64 px pictures; `None` where absent.

    The stored action k is the one that led to picture k, as the first, which nothing led to, shows:
    it is zero. Row k gets the action that follows picture k.

    Raises:
        ValueError: The first action is not zero: the actions may stand elsewhere.
    """
    folder = _folder("ivideogpt")
    if folder is None:
        return None
    episodes = []
    for file in sorted(folder.glob(f"mbrl/demonstrations/{task}/*.npz")):
        with np.load(file, allow_pickle=False) as stored:
            # The last three of nine channels are the newest of three stacked pictures.
            images = np.ascontiguousarray(stored["observation"][:, 6:].transpose(0, 2, 3, 1))
            action = stored["action"].astype(float)
        if action[0].any():
            raise ValueError(f"{file} begins with action {action[0]}, not with zeros")
        following = np.concatenate([action[1:], np.zeros_like(action[:1])])
        valid = np.arange(len(action)) < len(action) - 1
        episodes.append(_episode(file.stem, following, valid, 40.0, images=images))
    data = _set("sawyer", episodes, 40.0, mode="delta")
    each = tuple((i,) for i in range(len(episodes)))
    return Recording(f"ivideogpt.{task}", data, (), tuple(range(data_size(data))), each)


def data_size(data: LabeledSet) -> int:
    """Numbers in an action."""
    return len(data.contract.dimensions)


def _folder(name: str) -> Path | None:
    shared = shared_data()
    folder = None if shared is None else shared / name
    return folder if folder is not None and folder.is_dir() else None


def _table(file: Path) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow.parquet as pq

    table = pq.read_table(file, columns=["observation.state", "action"])
    state, action = (np.array(table[n].to_pylist(), float) for n in table.column_names)
    return state, action


def _episode(
    name: str,
    actions: np.ndarray,
    valid: np.ndarray,
    rate_hz: float,
    *,
    images: np.ndarray | None = None,
    features: np.ndarray | None = None,
) -> LabeledEpisode:
    num = len(actions)
    seen = np.zeros((num, 0)) if features is None else features
    return LabeledEpisode(
        name=name, time_s=np.arange(num) / rate_hz, features=seen, actions=actions, valid=valid,
        images=images,
    )  # fmt: skip


def _set(
    robot: str,
    episodes: Sequence[LabeledEpisode],
    rate_hz: float,
    *,
    mode: str = "absolute",
    inputs: tuple[str, ...] = (),
) -> LabeledSet:
    size = episodes[0].actions.shape[1]
    contract = ActionContract.model_validate(
        {
            "robot": robot,
            "dimensions": [
                Dimension(name=f"a{i}", quantity="joint", unit="1") for i in range(size)
            ],
            "mode": mode,
            "rate_hz": rate_hz,
            "shift_s": 0,
        }
    )
    sizes = (episodes[0].features.shape[1],) if inputs else ()
    camera = "" if inputs else CAMERA
    return LabeledSet(tuple(episodes), contract, inputs, sizes, camera, (SIZE_PX, SIZE_PX))


def _frames(video: Path) -> Iterator[np.ndarray]:
    import av

    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            yield shrink(frame.to_ndarray(format="rgb24"), SIZE_PX)


def _kept(name: str, make: Callable[[], Iterator[np.ndarray]]) -> np.ndarray:
    """Small pictures out of the bench's folder, made the first time."""
    path = bench_folder() / "real" / f"{name}_{SIZE_PX}px.npy"
    if not path.is_file():
        images = np.stack(list(make()))
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, images)
    return np.asarray(np.load(path, allow_pickle=False))
