"""Stores that are damaged, foreign, shared, or go away: healed by the same command."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks._processes import tree_digest
from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import Done, Ground, write_clip


def _files(store: Path) -> list[Path]:
    return sorted(p for p in store.rglob("*") if p.is_file())


def _entries(store: Path) -> list[Path]:
    return sorted(store.glob("??/*"))


def _swap_all(store: Path) -> None:
    """Entries of one ending change places, round in a circle."""
    for ending in (".tracks", ".record", ""):
        kin = [p for p in _entries(store) if p.suffix == ending]
        aside = [p.rename(p.with_name(p.name + "-aside")) for p in kin]
        for path, other in zip(kin, aside[1:] + aside[:1], strict=True):
            other.rename(path)


def _each(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        for path in _files(store):
            path.write_bytes(change(path.read_bytes()))

    return damage


def _swap_payloads(store: Path) -> None:
    """Within every episode the files change contents."""
    for entry in _entries(store):
        files = _files(entry) if entry.is_dir() else []
        data = [p.read_bytes() for p in files]
        for path, other in zip(files, data[1:] + data[:1], strict=True):
            path.write_bytes(other)


def _more_files(store: Path) -> None:
    for entry in _entries(store):
        if entry.is_dir():
            (entry / "more.npz").write_bytes(b"PK")


def _links_out(store: Path) -> None:
    """Every file moves elsewhere and a link stays."""
    aside = store.with_name("aside")
    aside.mkdir()
    for number, path in enumerate(_files(store)):
        path.rename(aside / str(number))
        path.symlink_to(aside / str(number))


def _case(store: Path) -> None:
    for path in _entries(store):
        path.rename(path.with_name(path.name.upper()))


def _half_written(store: Path) -> None:
    for path in _entries(store):
        path.rename(path.with_name(f".{path.name}.tmp-000000000000-1-1-00000000"))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "one byte short": _each(lambda data: data[:-1]),
    "first line alone": _each(lambda data: data.partition(b"\n")[0] + b"\n"),
    "line ends of Windows": _each(lambda data: data.replace(b"\n", b"\r\n", 1)),
    "a mark of order in front": _each(lambda data: b"\xef\xbb\xbf" + data),
    "format 1": _each(lambda data: data.replace(b" 2 ", b" 1 ", 1)),
    "seal twice": _each(lambda data: data.partition(b"\n")[0] + b"\n" + data),
    "swapped round": _swap_all,
    "swapped inside episodes": _swap_payloads,
    "more files": _more_files,
    "upper case": _case,
    "half written": _half_written,
    "links": _links_out,
    "gone": shutil.rmtree,
}


@attack("store")
def damaged(ground: Ground) -> Iterator[Finding]:
    """Every entry of a store at once, then the same command with no ledger to help."""
    for number in range(2):
        write_clip(ground.videos / f"{number}.mp4", level=30 + 60 * number)
    ground.label()
    wanted = tree_digest(ground.out)
    whole = shutil.copytree(ground.store, ground.folder / "whole")
    for name, damage in DAMAGE.items():
        for left in (
            ground.out,
            Path(f"{ground.out}.rotoscope"),
            ground.store,
            ground.folder / "aside",
        ):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(whole, ground.store)
        damage(ground.store)
        done = ground.label()
        is_same = ground.out.is_dir() and tree_digest(ground.out) == wanted
        yield ground.judge(name, done, "" if is_same else done.said[-400:])


@attack("store")
def foreign_and_shared(ground: Ground) -> Iterator[Finding]:
    """Entries of another recipe under our keys; a folder that is no store; two that share one."""
    write_clip(ground.videos / "a.mp4")
    ground.label()
    wanted = tree_digest(ground.out)
    other = ground.folder / "other-store"
    ground.write_recipe(ground.folder / "other.yaml", task="another task")
    given = ["--recipe", ground.folder / "other.yaml", "--out", ground.folder / "other"]
    ground.run("label", ground.videos, *given, "--store", other)
    for mine in _entries(ground.store):
        kin = [
            p for p in _entries(other) if p.suffix == mine.suffix and p.is_dir() == mine.is_dir()
        ]
        if kin and kin[0].name != mine.name:
            shutil.rmtree(mine) if mine.is_dir() else mine.unlink()
            (shutil.copytree if kin[0].is_dir() else shutil.copyfile)(kin[0], mine)
    for left in (ground.out, Path(f"{ground.out}.rotoscope")):
        shutil.rmtree(left)
    done = ground.label()
    yield ground.judge(
        "another recipe's", done, "" if tree_digest(ground.out) == wanted else "other bytes"
    )
    notes = ground.folder / "notes"
    (notes / "ab").mkdir(parents=True)
    (notes / "ab" / "mine.txt").write_text("mine")
    for command in (["verify"], ["prune", "--max-age-days", "0"], ["prune", "--max-gb", "0"]):
        done = ground.run("store", *command, "--store", notes)
        is_there = (notes / "ab" / "mine.txt").is_file()
        yield ground.judge(
            f"{command} of a folder", done, "" if is_there else "removed", as_="lost"
        )
    said: list[Done] = []

    def run(number: int) -> None:
        out = ground.folder / f"out{number}"
        given = ["--recipe", ground.recipe, "--out", out, "--store", ground.folder / "shared"]
        said.append(ground.run("label", ground.videos, *given))

    runs = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    for number, done in enumerate(said):
        out = ground.folder / f"out{number}"
        is_same = out.is_dir() and tree_digest(out) == wanted
        yield ground.judge(f"shared by three, {number}", done, "" if is_same else done.said[-300:])


@attack("store")
def places(ground: Ground) -> Iterator[Finding]:
    """A store that is a file, a link, a device, or in the dataset; one that goes away."""
    write_clip(ground.videos / "a.mp4")
    (ground.folder / "file").write_text("mine")
    (ground.folder / "loop").symlink_to("loop")
    real = ground.folder / "real"
    real.mkdir()
    (ground.folder / "link").symlink_to(real)
    cases = {
        "a file": ground.folder / "file",
        "a loop": ground.folder / "loop",
        "a link": ground.folder / "link",
        "a device": Path("/dev/null"),
        "proc": Path("/proc/store"),
        "the root of proc": Path("/proc/self/fd"),
        "the input": ground.videos,
        "long": ground.folder / ("x" * 300),
        "of nobody": Path("/nonexistent\x01/store"),
        "inside out": ground.out / "store",
    }
    for name, store in cases.items():
        for left in (ground.out, Path(f"{ground.out}.rotoscope")):
            shutil.rmtree(left, ignore_errors=True)
        given = ["--recipe", ground.recipe, "--out", ground.out]
        for _ in range(2 if store == ground.videos else 1):
            done = ground.run("label", ground.videos, *given, "--store", store)
        wrong = "" if os.path.isfile(ground.videos / "a.mp4") else "the video is gone"
        wrong = wrong or ("" if len(ground.rows()) <= 1 else str(sorted(ground.rows())))
        yield ground.judge(name, done, wrong, as_="lost")
    shutil.rmtree("/nonexistent\x01", ignore_errors=True)
