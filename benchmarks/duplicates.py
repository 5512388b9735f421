"""Are altered copies found among many takes of the same scenes, and nothing else?

Clips are takes of simulated scenes by one still camera (other starts of the same expert), and
consecutive parts of real videos (the same scene later; several takes of one task by one robot).
Constants were chosen on `CHOSEN_ON` and `CHOSEN_FILES` of `_copied_clips`; figures are of others.
A pair counts as right where one is the altered copy of the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._copied_clips import (
    KINDS,
    REPORTED_FILES,
    REPORTED_ON,
    Altered,
    altered,
    real,
    simulated,
)
from benchmarks.figure import Bar, Figure
from benchmarks.paths import shared_data
from rotoscope.pipeline.duplicates.find import copies_among
from rotoscope.pipeline.duplicates.fingerprint import LARGE_PX, Fingerprint, fingerprint

CLIPS, COPIES, PARTS, SEED = 200, 30, 3, 1
"""Clips in all, altered copies among them, parts of a real video at most, what is drawn."""


def run() -> list[Figure]:
    """F1, precision and recall, recall by kind, and CPU a second of video."""
    data = shared_data()
    filmed = real(data, REPORTED_FILES, PARTS) if data is not None else []
    if not filmed:
        print("duplicates: no real clips: the shared folder of recordings is absent")
    takes = -(-(CLIPS - COPIES - len(filmed)) // len(REPORTED_ON))
    drawn = [path for task in REPORTED_ON for path in simulated(task, takes)]
    originals = [*filmed, *drawn][: CLIPS - COPIES]
    copies = altered(originals, COPIES, seed=SEED)
    return figures(originals, copies)


def figures(originals: Sequence[Path], copies: Sequence[Altered]) -> list[Figure]:
    """What is found among these clips."""
    paths = [*originals, *(one.path for one in copies)]
    begin = time.process_time()
    videos = [fingerprint(path) for path in paths]
    looked_s = time.process_time() - begin
    found = {frozenset((c.whole, c.part)) for c in copies_among(videos, _larger)}
    compared_s = time.process_time() - begin - looked_s
    place = {path: number for number, path in enumerate(paths)}
    true = {frozenset((place[one.source], place[one.path])): one for one in copies}
    right = found & set(true)
    precision = len(right) / max(len(found), 1)
    recall = len(right) / len(true)
    seconds = sum(video.duration_s for video in videos)
    f1 = 2 * len(right) / (len(found) + len(true))
    cost = 1e3 * (looked_s + compared_s) / seconds
    return [
        Figure("duplicates.clips", len(paths), "clips"),
        Figure("duplicates.seconds", seconds, "s"),
        Figure("duplicates.f1", f1, "1", Bar(">=", 0.95)),
        Figure("duplicates.precision", precision, "1"),
        Figure("duplicates.recall", recall, "1"),
        *_by_kind(true, right),
        Figure("duplicates.cpu", cost, "ms/s", Bar("<=", 20)),
        Figure("duplicates.cpu.decode", 1e3 * looked_s / seconds, "ms/s"),
        Figure("duplicates.cpu.compare", 1e3 * compared_s / seconds, "ms/s"),
        Figure("duplicates.cpu.decode_real", 1e3 * _real_cost(originals, videos), "ms/s"),
    ]


def _larger(video: Fingerprint) -> Fingerprint:
    return fingerprint(video.path, LARGE_PX)


def _by_kind(true: dict[frozenset[int], Altered], right: set[frozenset[int]]) -> list[Figure]:
    out = []
    for kind in KINDS:
        some = [pair for pair, one in true.items() if kind in one.kinds]
        share = sum(pair in right for pair in some) / max(len(some), 1)
        out.append(Figure(f"duplicates.recall.{kind}", share, "1"))
    return out


def _real_cost(originals: Sequence[Path], videos: Sequence[Fingerprint]) -> float:
    """CPU of a fingerprint, of real clips alone [s a second of video]."""
    some = [(p, v) for p, v in zip(originals, videos, strict=False) if p.parent.name == "real"]
    begin = time.process_time()
    for path, _ in some:
        fingerprint(path)
    return (time.process_time() - begin) / max(sum(v.duration_s for _, v in some), 1e-9)
