"""Ten million videos, by simulation: runs, tasks, workers that are lost, files, money.

Each number that goes in stands below with where it was measured. Change it and run again.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.run.costs import DECODE, DEFAULTS, ENCODE, OTHER, total_s
from rotoscope.pipeline.run.order import MOST_TOGETHER, SHARDS_A_WORKER

VIDEOS = 10_000_000
VIDEOS_A_RUN = 100_000
WORKERS, RUNS_AT_A_TIME = 500, 2
MEAN_S, SPREAD = 20.0, 1.0
"""Length of a video: log-normal, as clips cut from longer recordings are. An assumption."""
RATE_HZ, MEGAPIXELS = 30.0, 640 * 480 / 1e6
STAGES = (OTHER, DECODE, ENCODE, "shots", "hands", "scene_points", "retarget.arm")
"""Of `hand-gripper`; their costs are those that `describe` begins with (`costs.DEFAULTS`)."""
CHILD_S = 0.3
"""CPU of a child beside its stages: clips of 15 frames, `hand-gripper`."""
TASK_CLIENT_S, TASK_SERVER_S = 0.027, 0.041
"""CPU of a task with Ray, in the flow and in Prefect's server: 200 tasks that do nothing."""
START_S = 20.0
"""Until a worker's first task: imports, fork server; 13 to 19 s on two busy cores."""
LOST_AN_HOUR = 0.01
"""Workers lost per worker and hour, as with machines that may be taken away. An assumption."""
FRAMES_A_MEASURED_VIDEO = 217
STORE_BYTES_A_FRAME = 4_804_882 / FRAMES_A_MEASURED_VIDEO
DATASET_BYTES_A_FRAME = 2_011_075 / FRAMES_A_MEASURED_VIDEO
LEDGER_BYTES = 953
STORE_FILES = 19
"""Sample cup.mp4 through `hand-gripper`: files and bytes of its store, dataset and row."""
KIB_A_VIDEO = 2.1
"""Memory of the run for each video: `python -m benchmarks scale`."""
LISTED_A_S = 190_000
"""Keys of an object store listed in a second of CPU with obstore: 100,000 in .52 s."""
DOLLARS_A_CORE_HOUR = 0.04
"""A price; put yours here."""


@dataclass(frozen=True)
class Outcome:
    """One run of the simulation."""

    wall_s: float
    """From the first task to the last."""
    idle: float
    """Share of the workers' time in which they had nothing to do."""
    num_tasks: int
    """Shards and those that were submitted again."""
    repeated_s: float
    """CPU that lost workers had spent on a video that was not finished."""


def run() -> list[Figure]:
    """Simulates one run of many; all others are like it."""
    videos_s = _cpu_of_videos(np.random.default_rng(0))
    one = simulate(videos_s, workers=WORKERS)
    alone = simulate(videos_s, workers=WORKERS, together=1)
    frames = MEAN_S * RATE_HZ
    hours = VIDEOS * MEAN_S / 3600
    runs = VIDEOS // VIDEOS_A_RUN
    core_hours = float(videos_s.sum()) * runs / 3600
    task_s = TASK_CLIENT_S + TASK_SERVER_S
    share = one.num_tasks * task_s / float(videos_s.sum())
    return [
        Figure("ten_million.hours_of_video", hours, "h"),
        Figure("ten_million.core_hours", core_hours, "h"),
        Figure("ten_million.dollars_per_1000_hours", _dollars(core_hours, share, hours), "$"),
        Figure("ten_million.wall_of_all_runs", one.wall_s * runs / RUNS_AT_A_TIME / 86400, "days"),
        Figure("ten_million.bookkeeping_over_work", share, "1", Bar("<=", 0.05)),
        Figure("ten_million.the_same_with_one_video_a_task", _share(alone, videos_s, task_s), "1"),
        Figure("ten_million.workers_idle", one.idle, "1", Bar("<=", 0.05)),
        Figure("ten_million.workers_idle_with_one_video_a_task", alone.idle, "1"),
        Figure("ten_million.repeated_work", one.repeated_s / float(videos_s.sum()), "1"),
        Figure("ten_million.tasks_in_the_server", one.num_tasks * runs, "1"),
        Figure("ten_million.memory_of_a_run", VIDEOS_A_RUN * KIB_A_VIDEO / 2**20, "GiB"),
        Figure("ten_million.memory_of_one_run_of_all", VIDEOS * KIB_A_VIDEO / 2**20, "GiB"),
        Figure("ten_million.ledgers", VIDEOS * LEDGER_BYTES / 1e9, "GB"),
        Figure("ten_million.listing_cpu", VIDEOS / LISTED_A_S, "s"),
        Figure("ten_million.store", VIDEOS * frames * STORE_BYTES_A_FRAME / 1e12, "TB"),
        Figure("ten_million.store_files", VIDEOS * STORE_FILES / 1e6, "million"),
        Figure("ten_million.datasets", VIDEOS * frames * DATASET_BYTES_A_FRAME / 1e12, "TB"),
    ]


def simulate(
    videos_s: Float[np.ndarray, " video"], *, workers: int, together: int = MOST_TOGETHER
) -> Outcome:
    """Workers that take shards as they come free, the largest first, from one flow.

    Args:
        videos_s: CPU of each video [s].
        workers: Videos at a time.
        together: Most videos of a shard.
    """
    rng = np.random.default_rng(1)
    todo = _shards(np.sort(videos_s)[::-1], workers, together)[::-1]
    free = [(START_S, worker) for worker in range(workers)]
    heapq.heapify(free)
    submitted = num_tasks = 0.0
    busy_s = repeated_s = 0.0
    while todo:
        shard = todo.pop()
        at_s, worker = heapq.heappop(free)
        # The flow submits one after another, and so does the server take them.
        submitted = max(submitted + max(TASK_CLIENT_S, TASK_SERVER_S), at_s)
        num_tasks += 1
        length_s = float(shard.sum())
        until_lost_s = rng.exponential(3600 / LOST_AN_HOUR)
        if until_lost_s < length_s:
            done = int(np.searchsorted(np.cumsum(shard), until_lost_s))
            repeated_s += until_lost_s - float(shard[:done].sum())
            todo.append(shard[done:])
            length_s = until_lost_s + START_S
        busy_s += length_s
        heapq.heappush(free, (submitted + length_s, worker))
    wall_s = max(end for end, _ in free)
    return Outcome(wall_s, 1 - busy_s / (wall_s * workers), int(num_tasks), repeated_s)


def _shards(
    videos_s: Float[np.ndarray, " video"], workers: int, together: int
) -> list[Float[np.ndarray, " video"]]:
    """As `rotoscope.pipeline.run.order.shards`, with times for sizes."""
    share = workers * SHARDS_A_WORKER
    most, most_s = min(together, -(-len(videos_s) // share)), float(videos_s.sum()) / share
    made, first, sum_s = [], 0, 0.0
    for k, video_s in enumerate(videos_s):
        if k > first and (k - first >= most or sum_s + video_s > most_s):
            made.append(videos_s[first:k])
            first, sum_s = k, 0.0
        sum_s += float(video_s)
    return [*made, videos_s[first:]]


def _cpu_of_videos(rng: np.random.Generator) -> Float[np.ndarray, " video"]:
    median_s = MEAN_S / np.exp(SPREAD**2 / 2)
    frames = rng.lognormal(np.log(median_s), SPREAD, VIDEOS_A_RUN) * RATE_HZ
    fixed_s = total_s(DEFAULTS, STAGES, frames=0, megapixels=MEGAPIXELS)
    frame_s = (total_s(DEFAULTS, STAGES, frames=1000, megapixels=MEGAPIXELS) - fixed_s) / 1000
    return np.asarray(fixed_s + CHILD_S + frames * frame_s)


def _share(outcome: Outcome, videos_s: Float[np.ndarray, " video"], task_s: float) -> float:
    return outcome.num_tasks * task_s / float(videos_s.sum())


def _dollars(core_hours: float, share: float, hours: float) -> float:
    return core_hours * (1 + share) * DOLLARS_A_CORE_HOUR / hours * 1000
