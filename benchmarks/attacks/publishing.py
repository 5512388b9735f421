# ruff: noqa: E501 - an attack a line
"""What a user keeps in a dataset's folder, who else writes there, and what the bytes hang on."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks._processes import tree_digest
from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import Done, Ground, write_clip


@attack("publishing")
def files_of_the_user(ground: Ground) -> Iterator[Finding]:
    """Files, links, folders, names like ours: all are there, as they were, after one more run."""
    write_clip(ground.videos / "a.mp4")
    ground.label()
    out = ground.out
    kept: dict[str, bytes] = {}

    def put(name: str, data: bytes = b"mine") -> None:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        kept[name] = data

    for name in (
        *("notes.txt", "data/notes.csv", "data/chunk-000/file-000.parquet.bak", ".gitattributes"),
        *("data/chunk-001/mine.txt", "videos/extra/chunk-000/file-000.mp4", ".git/HEAD"),
        *("meta/mine.json", "meta/rotoscope/mine.txt", "meta/episodes/x/y.z", "LICENSE"),
        *(".tmp-x", ".out.tmp-abc", "meta/info.json~", "README.md.orig", "images/a b\n.png"),
    ):
        put(name)
    (out / "to-secret").symlink_to(ground.secret)
    (out / "to-nowhere").symlink_to("nowhere")
    (out / "to-root").symlink_to("/")
    os.mkfifo(out / "pipe")
    (out / "empty-folder").mkdir()
    (out / "notes.txt").chmod(0o400)
    with (out / "README.md").open("a") as card:
        card.write("\n## My license\n\nCC-BY, mine.\n")
    write_clip(ground.videos / "b.mp4", level=100)
    done = ground.label()
    lost = [
        n for n, data in kept.items() if not (out / n).is_file() or (out / n).read_bytes() != data
    ]
    lost += [
        n
        for n in ("to-secret", "to-nowhere", "to-root", "pipe", "empty-folder")
        if not os.path.lexists(out / n)
    ]
    lost += [] if "CC-BY, mine." in (out / "README.md").read_text() else ["README.md"]
    yield ground.judge("republished", done, str(lost) if lost else "", as_="lost")
    yield ground.judge(
        "doctor", done := ground.run("doctor", "--verify", out), "" if not done.code else done.said
    )
    (out / "meta" / "info.json").write_text((out / "meta" / "info.json").read_text() + " ")
    write_clip(ground.videos / "c.mp4", level=80)
    done = ground.label()
    is_kept = (out / "meta" / "info.json").read_text().endswith(" ")
    yield ground.judge(
        "a file of ours was edited", done, "" if is_kept and done.code else done.said, as_="lost"
    )


@attack("publishing")
def places(ground: Ground) -> Iterator[Finding]:
    """Odd places for a dataset: links, inside the input, files, the input itself."""
    write_clip(ground.videos / "a.mp4")
    inner = ground.folder / "disk" / "real"
    inner.mkdir(parents=True)
    cases: dict[str, Path] = {
        "link to a folder": ground.folder / "link",
        "link to nowhere": ground.folder / "dangling",
        "link to itself": ground.folder / "loop",
        "inside the input": ground.videos / "out",
        "the input": ground.videos,
        "a video": ground.videos / "a.mp4",
        "below a file": ground.videos / "a.mp4" / "out",
        "the store": ground.store,
        "dots": ground.videos / ".." / "videos" / "out2",
        "a device": Path("/dev/null"),
        "proc": Path("/proc/self/x"),
        "full of others": ground.folder / "elsewhere",
    }
    (ground.folder / "link").symlink_to(inner)
    (ground.folder / "dangling").symlink_to(ground.folder / "disk" / "later")
    (ground.folder / "loop").symlink_to("loop")
    for name, out in cases.items():
        for _ in range(2 if ground.videos in out.parents else 1):
            done = ground.run("label", ground.videos, "--recipe", ground.recipe, "--out", out)
        rows = ground.rows(out) if out.with_name(f"{out.name}.rotoscope").is_dir() else {}
        wrong = "" if len(rows) <= 1 else f"{sorted(rows)} were labeled"
        wrong = wrong or ("" if (ground.videos / "a.mp4").is_file() else "the video is gone")
        is_link = not name.startswith("link") or out.is_symlink()
        yield ground.judge(
            name, done, wrong or ("" if is_link else "the link was replaced"), as_="lost"
        )


@attack("publishing")
def bytes_hang_on_nothing_else(ground: Ground) -> Iterator[Finding]:
    """The same bytes whatever surrounds the run, and nothing of it in them."""
    for number in range(3):
        write_clip(ground.videos / "sub" / f"{number}.mp4", level=30 + 30 * number)
    (ground.videos / "broken.mp4").write_bytes(b"\0" * 100)
    (ground.videos / "nowhere.mp4").symlink_to("nowhere")
    tmp, home = ground.folder / "tmp-canary", ground.folder / "home-canary"
    tmp.mkdir()
    home.mkdir()
    given = ["--recipe", ground.recipe, "--out", "out"]
    digests: dict[str, str] = {}
    surroundings: dict[str, dict[str, str]] = {
        "plain": {},
        "folders": {
            "TMPDIR": str(tmp),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home),
            "USER": "somebody",
        },
        "locale": {
            "TZ": "Pacific/Kiritimati",
            "SOURCE_DATE_EPOCH": "1",
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
        },
        "hashes": {"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "1"},
    }
    for name, env in surroundings.items():
        digests[name] = _digest(ground, ground.run("label", "videos", *given, env=env))
    digests["workers"] = _digest(ground, ground.run("label", "videos", *given, "--workers", 3))
    digests["absolute"] = _digest(ground, ground.run("label", ground.videos, *given))
    digests["dots"] = _digest(ground, ground.run("label", "./videos/.", *given))
    other = shutil.copytree(ground.videos, ground.folder / "other name", symlinks=True)
    digests["elsewhere"] = _digest(ground, ground.run("label", other, *given))
    script = f"umask 077; exec {sys.executable} {ground.script} label videos --recipe {ground.recipe} --out out"
    digests["umask"] = _digest(ground, ground.execute(["bash", "-c", script]))
    for name, digest in digests.items():
        is_same = digest == digests["plain"]
        yield Finding(name, "held" if is_same else "wrong", digest)


def _digest(ground: Ground, done: Done) -> str:
    if not (ground.out / "meta").is_dir():
        return f"nothing: {done.said[-300:]}"
    found = tree_digest(ground.out)
    for path in ground.out.rglob("*"):
        if path.is_file() and os.fsencode(ground.folder) in path.read_bytes():
            found = f"{path.name} holds the folder's path"
    shutil.rmtree(ground.out)
    shutil.rmtree(f"{ground.out}.rotoscope")
    shutil.rmtree(ground.store)
    return found


@attack("publishing")
def others_at_the_same_time(ground: Ground) -> Iterator[Finding]:
    """Two runs at one store and one place; a place that changes; a disk that is full."""
    for number in range(3):
        write_clip(ground.videos / f"{number}.mp4", level=30 + 30 * number)
    said: list[Done] = []
    runs = [threading.Thread(target=lambda: said.append(ground.label())) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    sound = ground.run("doctor", "--verify", ground.out)
    for done in said:
        yield ground.judge("two runs", done, "" if not sound.code else sound.said, as_="lost")
    left = [p.name for p in ground.folder.iterdir() if ".tmp-" in p.name or ".old-" in p.name]
    yield Finding("leftovers", "wrong" if left else "held", str(left))
    before = tree_digest(ground.out)
    write_clip(ground.videos / "new.mp4", level=140)
    for limit in (2_000, 20_000):
        script = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sys.argv = {['rotoscope', 'label', str(ground.videos), '--recipe', str(ground.recipe), '--out', str(ground.out), '--store', str(ground.folder / f'store{limit}')]}; runpy.run_path({str(ground.script)!r}, run_name='__main__')"
        done = ground.execute([sys.executable, "-P", "-c", script])
        sound = ground.run("doctor", "--verify", ground.out)
        wrong = "" if not sound.code else sound.said
        yield ground.judge(f"files of {limit} bytes at most", done, wrong, as_="lost")
    del before
    for name, change in {
        "store is gone": ground.store,
        "record is gone": Path(f"{ground.out}.rotoscope"),
    }.items():
        shutil.rmtree(change)
        done = ground.label()
        sound = ground.run("doctor", "--verify", ground.out)
        yield ground.judge(
            name, done, "" if not (sound.code or done.code) else done.said + sound.said, as_="lost"
        )
