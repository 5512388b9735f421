"""Files that change while they are read: labels belong to the bytes whose hash they carry."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import LIMIT_S, STAGES, Ground, write_clip

SLOW = """
import os, time
from pathlib import Path
from rotoscope.pipeline.registry import stage_class

HERE = Path({folder!r})

def wait_for(name):
    (HERE / ("at-" + name)).touch()
    end = time.monotonic() + 20
    while not (HERE / ("go-" + name)).exists() and time.monotonic() < end:
        time.sleep(0.01)

class Slow(stage_class({bright!r}, allow_code=True)):
    def begin(self, video):
        super().begin(video)
        wait_for("begin")

    def observe(self, frame):
        super().observe(frame)
        if len(self.means) == 20:
            wait_for("middle")

    def finish(self, time_s):
        wait_for("finish")
        return super().finish(time_s)

class Later(stage_class({lamp!r}, allow_code=True)):
    def run(self, clip, tracks):
        wait_for("lamp")
        return super().run(clip, tracks)
"""
MOMENTS = ("begin", "middle", "finish", "lamp")
DARK, LIGHT = 10, 120


def _replaced(path: Path, other: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(other)
    new.replace(path)


def _in_place(path: Path, other: bytes) -> None:
    path.write_bytes(other)


def _in_place_and_dated(path: Path, other: bytes) -> None:
    facts = path.stat()
    path.write_bytes(other)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _longer(path: Path, other: bytes) -> None:
    with path.open("ab") as file:
        file.write(other)


def _shorter(path: Path, other: bytes) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _gone(path: Path, other: bytes) -> None:
    path.unlink()


def _linked(path: Path, other: bytes) -> None:
    target = path.with_suffix(".other")
    target.write_bytes(other)
    path.unlink()
    path.symlink_to(target)


def _touched(path: Path, other: bytes) -> None:
    os.utime(path)


CHANGES: dict[str, Callable[[Path, bytes], None]] = {
    "replaced": _replaced,
    "in place": _in_place,
    "in place, dated back": _in_place_and_dated,
    "longer": _longer,
    "shorter": _shorter,
    "gone": _gone,
    "a link": _linked,
    "touched": _touched,
}


@attack("content")
def changed_at_many_moments(ground: Ground) -> Iterator[Finding]:
    """One change at one moment of one run each."""
    dark = write_clip(ground.folder / "dark.mp4", level=DARK).read_bytes()
    light = write_clip(ground.folder / "light.mp4", level=LIGHT).read_bytes()
    length = max(len(dark), len(light))
    # Of one length, so that size does not tell.
    dark, light = dark.ljust(length, b"\0"), light.ljust(length, b"\0")
    chosen = [
        (moment, name)
        for number, moment in enumerate(MOMENTS)
        for place, name in enumerate(CHANGES)
        if (number + place) % 2 == 0
    ]
    for moment, name in chosen:
        yield _try(ground, f"{name} at {moment}", {moment: CHANGES[name]}, dark, light)
    aside = ground.folder / "aside.mp4"

    def away(path: Path, other: bytes) -> None:
        path.rename(aside)
        path.write_bytes(other)

    def back(path: Path, other: bytes) -> None:
        aside.replace(path)

    yield _try(ground, "away and back", {"begin": away, "finish": back}, dark, light)
    yield _try(ground, "away and back, for the episode", {"lamp": away}, dark, light)


def _try(
    ground: Ground,
    name: str,
    changes: dict[str, Callable[[Path, bytes], None]],
    before: bytes,
    other: bytes,
) -> Finding:
    subprocess.run(
        ["rm", "-rf", ground.videos, ground.out, f"{ground.out}.rotoscope", ground.store],
        check=True,
    )
    for left in (*ground.folder.glob("at-*"), *ground.folder.glob("go-*")):
        left.unlink()
    ground.videos.mkdir()
    path = ground.videos / "a.mp4"
    path.write_bytes(before)
    own = ground.folder / "slow.py"
    own.write_text(
        SLOW.format(folder=str(ground.folder), bright=f"{STAGES}:Bright", lamp=f"{STAGES}:Lamp")
    )
    ground.write_recipe(ground.recipe, f"{own}:Slow as bright", f"{own}:Later as lamp", "curate")

    def disturb() -> None:
        for moment in MOMENTS:
            at, go = ground.folder / f"at-{moment}", ground.folder / f"go-{moment}"
            while not at.exists() and not is_over.wait(0.01):
                pass
            if moment in changes and not is_over.is_set():
                changes[moment](path, other)
            go.touch()

    is_over = threading.Event()
    helper = threading.Thread(target=disturb)
    helper.start()
    done = ground.label(limit_s=LIMIT_S)
    is_over.set()
    helper.join()
    wrong = _mixed(
        ground, {hashlib.sha256(before).hexdigest(): DARK, hashlib.sha256(other).hexdigest(): LIGHT}
    )
    return ground.judge(name, done, wrong)


def _mixed(ground: Ground, level_of: dict[str, int]) -> str:
    """Whether a row that is done carries a hash whose bytes have another brightness."""
    row = ground.rows().get("a.mp4")
    if row is None:
        return "no row"
    tables = sorted(ground.out.glob("data/*/*.parquet"))
    if row.status != "done" or not tables:
        return ""
    if row.sha256 not in level_of:
        return f"a hash of neither: {row.sha256}"
    values = pq.read_table(tables[0], columns=["observation.state"]).column(0).to_pylist()
    first = float(np.ravel(values[0])[0]) * 100
    is_right = abs(first - level_of[row.sha256]) < 60
    return "" if is_right else f"brightness {first:.0f} under the hash of {level_of[row.sha256]}"


@attack("content")
def two_names_and_swaps(ground: Ground) -> Iterator[Finding]:
    """One file under many names, and names that change places between two runs."""
    one = write_clip(ground.videos / "a.mp4", level=DARK)
    two = write_clip(ground.videos / "b.mp4", level=LIGHT)
    os.link(one, ground.videos / "hard.mp4")
    (ground.videos / "soft.mp4").symlink_to(one)
    (ground.videos / "copy.mp4").write_bytes(one.read_bytes())
    done = ground.label("--workers", "2")
    statuses = {n: r.status for n, r in ground.rows().items()}
    wanted = {"a.mp4": "done", "b.mp4": "done"}
    wanted |= dict.fromkeys(("hard.mp4", "soft.mp4", "copy.mp4"), "duplicate")
    yield ground.judge("five names", done, "" if statuses == wanted else str(statuses))
    facts = one.stat()
    aside = one.rename(ground.videos / "aside")
    two.rename(one)
    aside.rename(two)
    for path in (one, two):
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    done = ground.label()
    rows = ground.rows()
    wrong = [
        name
        for name in ("a.mp4", "b.mp4")
        if rows[name].sha256 != hashlib.sha256((ground.videos / name).read_bytes()).hexdigest()
    ]
    yield ground.judge("swapped between runs", done, str(wrong) if wrong else "")
    again = ground.execute([sys.executable, "-P", "-c", f"open({str(one)!r}, 'r+b').write(b'xx')"])
    done = ground.label()
    row = ground.rows()["a.mp4"]
    wrong_hash = row.sha256 not in ("", hashlib.sha256(one.read_bytes()).hexdigest())
    yield ground.judge(
        "written between runs", done if not again.code else again, "old" * wrong_hash
    )
