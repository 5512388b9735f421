"""Trains on generated video in this process, and tells what it took."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.training_memory import FILE_S, NUM_STEPS, RATE_HZ, SIDE_PX
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.events import TrainEvent, TrainListener
from rotoscope.models.training.maps import Spool
from rotoscope.pipeline.contract import ActionContract, Dimension

_DRAWN = 3000


def video(root: Path, hours: float) -> UnlabelledSet:
    """So many hours in files of ten minutes, written as decoding writes them."""
    num, drawn = int(FILE_S * RATE_HZ), _drawn()
    images = Spool(np.uint8, drawn.shape[1:], path=root / "frames.u8")
    times = Spool(np.float64, path=root / "time_s.f8")
    num_files = round(hours * 3600 / FILE_S)
    for _ in range(num_files):
        for _ in range(num // _DRAWN):
            images.add(drawn)
        times.add(np.arange(num) / RATE_HZ)
    frames, time_s = images.whole(), times.whole()
    videos = []
    for number in range(num_files):
        here = slice(number * num, (number + 1) * num)
        videos.append(
            UnlabelledVideo(
                name=f"file {number}",
                time_s=time_s[here],
                images=frames[here],
                targets=np.broadcast_to(np.nan, (num, 0)),
                points=np.broadcast_to(np.nan, (num, 0, 2)),
            )
        )
    return UnlabelledSet(tuple(videos), ("generated",), (SIDE_PX, SIDE_PX))


def _drawn() -> np.ndarray:
    """A square that walks over noise."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 60, (_DRAWN, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    steps = np.cumsum(generator.normal(0, 0.7, (_DRAWN, 2)), axis=0)
    for image, place in zip(images, np.abs(steps % 24 - 12).astype(int), strict=True):
        image[place[0] : place[0] + 4, place[1] : place[1] + 4] = 220
    return images


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/self/status has no {name}")


def labeled(data: UnlabelledSet) -> LabeledSet:
    """The same pictures, with seven numbers that change as an action."""
    generator = np.random.default_rng(1)
    names = [f"joint{number}.pos" for number in range(7)]
    contract = ActionContract(
        robot="generated",
        dimensions=tuple(Dimension(name=n, quantity="joint", unit="rad") for n in names),
        frame="base",
        rate_hz=RATE_HZ,
        shift_s=0,
        is_state=False,
    )
    episodes = []
    for one in data.videos:
        for start in range(0, len(one.time_s), _DRAWN):
            here = slice(start, start + _DRAWN)
            steps = generator.normal(size=(_DRAWN, 7))
            episodes.append(
                LabeledEpisode(
                    name=f"{one.name} from {start}",
                    time_s=one.time_s[here] - one.time_s[start],
                    features=np.zeros((_DRAWN, 0)),
                    images=one.images[here],
                    actions=steps,
                    valid=np.ones(_DRAWN, bool),
                )
            )
    return LabeledSet(tuple(episodes), contract, camera="front", image_size=(SIDE_PX, SIDE_PX))


def _train(
    data: UnlabelledSet, kind: str, out: Path, loop: dict[str, object], tell: TrainListener
) -> None:
    settings: dict[str, object] = {"image_size": SIDE_PX, "loop": loop}
    if kind == "video":
        config = LatentActionConfig.model_validate(settings)
        train_latent_action(data, config, out, listener=tell)
        return
    settings |= {"camera": "front", "members": 2, "hidden": 16}
    train_inverse_dynamics(
        labeled(data), InverseDynamicsConfig.model_validate(settings), out, listener=tell
    )


def main(root: Path, hours: float, kind: str) -> dict[str, object]:
    """Peaks of memory, and frames a second by part at the last look."""
    import torch

    torch.set_num_threads(1)
    folder = root / f"{kind}{hours:g}h"
    folder.mkdir()
    data = video(folder, hours)
    private, is_over = [0.0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            private[0] = max(private[0], _status_mib("RssAnon"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    loop: dict[str, object] = {
        "num_steps": NUM_STEPS,
        "eval_every": NUM_STEPS // 2,
        "device": "cpu",
    }
    told: list[TrainEvent] = []
    began = time.process_time()
    _train(data, kind, folder / "model", loop, told.append)
    cpu_s = time.process_time() - began
    is_over.set()
    watcher.join()
    (folder / "frames.u8").unlink()
    return {
        "frames": sum(len(one.time_s) for one in data.videos),
        "peak_mib": _status_mib("VmHWM"),
        "private_mib": private[0],
        "frames_per_s": dict(told[-1].frames_per_s),
        "cpu_s": cpu_s,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])))
