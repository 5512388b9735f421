"""Names of files that terminals, shells, globs, markup and file systems take for something else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import ENTRY, Ground, write_clip
from rotoscope.pipeline.files.names import display_name

NAMES: tuple[str, ...] = (
    *("Pouring [aB3_-xYz01Q].mp4", "[bold red]x[/].mp4", "[/].mp4", "[link=x:y]a.mp4"),
    *(":smile: ok.mp4", "{0}{name!r:>99}.mp4", "%s%n%d.mp4", "$(touch executed).mp4"),
    *("`touch executed`.mp4", "a; touch executed;.mp4", "&& touch executed.mp4", "!!.mp4"),
    *("it's.mp4", 'say "so".mp4', "-rf.mp4", "--out=x.mp4", " lead.mp4", "trail .mp4 .mp4"),
    *("dot..mp4", "back\\slash.mp4", "\\x41.mp4", "tab\there.mp4", "line\nbreak.mp4"),
    *("cr\rover.mp4", "\x1b[2J\x1b[31mred.mp4", "bell\x07.mp4", "rtl \u202egpj.mp4"),
    *("zero\u200bwidth.mp4", "caf\u00e9.mp4", "cafe\u0301.mp4", "\U0001f468\u200d\U0001f469.mp4"),
    *("*.mp4", "?.mp4", "[a-z].mp4", "[!a].mp4", "**.mp4", "#hash?query&x=1.mp4", "~root.mp4"),
    *("file:x.mp4", "concat:a.mp4", "%2e%2e%2f.mp4", "n" * 251 + ".mp4", "\u3042" * 83 + ".mp4"),
    *(os.fsdecode(b"\xff\xfe.mp4"), "\\xff\\xfe.mp4", os.fsdecode(b"half\xc3.mp4"), "-.mp4"),
    *("CON.mp4", "a|b.mp4", "<b>&amp;.mp4", "\ufeffbom.mp4", "\u2028sep.mp4", "\x7fdel.mp4"),
)


@attack("names")
def labeled_and_shown_whole(ground: Ground) -> Iterator[Finding]:
    """Every name is a row of its own, and its displayed form stands whole in what is printed."""
    for number, name in enumerate(NAMES):
        write_clip(ground.videos / name, frames=32, level=20 + number)
    done = ground.label()
    yield ground.judge("the run", done, "" if done.code == 0 else done.said[-500:])
    rows = ground.rows()
    for surroundings in ({"COLUMNS": "40"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        status = ground.run("status", "out", env=surroundings)
        yield ground.judge(f"status with {surroundings}", status)
        shown = "".join(status.said.split())
        for name in NAMES:
            wanted = display_name(name)
            wrong = "" if rows[wanted].status == "done" else rows[wanted].message
            if "LC_ALL" not in surroundings and "".join(wanted.split()) not in shown:
                wrong = f"not whole in status: {wanted!r}"
            if "\x1b" in status.said:
                wrong = "status holds control characters"
            yield Finding(f"{name!a} {surroundings}", "wrong" if wrong else "held", wrong)
    doctor = ground.run("doctor", "--verify", "out")
    yield ground.judge("doctor", doctor, "" if doctor.code == 0 else doctor.said[-300:])
    yield ground.judge("report", ground.run("report", "out"))


@attack("names")
def printed_retry_commands_work(ground: Ground) -> Iterator[Finding]:
    """What `status` and the rows say to type is typed into bash; then that video, and it alone."""
    whole = write_clip(ground.folder / "whole.mp4", frames=32)
    for name in NAMES:
        (ground.videos / name).parent.mkdir(exist_ok=True)
        (ground.videos / name).write_bytes(b"no video: " + os.fsencode(name))
    ground.label()
    shell = ground.folder / "bin" / "rotoscope"
    chosen = NAMES[::9]
    for number, name in enumerate(chosen):
        (ground.videos / name).write_bytes(whole.read_bytes() + b"\0" * (8 + number))
        command = ground.rows()[display_name(name)].retry
        shell.write_text(f"#!{sys.executable}\n{ENTRY}")
        shell.chmod(0o755)
        env = {"PATH": f"{shell.parent}:{os.environ['PATH']}"}
        done = ground.execute(["bash", "-c", command], env=env)
        rows = ground.rows()
        ran = [n for n in chosen[: number + 1] if rows[display_name(n)].status == "done"]
        wrong = "" if len(ran) == number + 1 else f"{command}: {done.said[-300:]}"
        if (ground.folder / "executed").exists():
            yield Finding(name, "executed", command)
        yield ground.judge(f"{name!a}", done, wrong)


@attack("names")
def names_of_folders_and_datasets(ground: Ground) -> Iterator[Finding]:
    """The same for the folder that is given and the dataset that comes out."""
    for number, name in enumerate(
        ("[/red]", "-x b", "$HOME", "caf\u00e9 \u202e", "x" * 240, "'q' {0}%s")
    ):
        folder = ground.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        write_clip(folder / "v.mp4", level=30 + number)
        (folder / "broken.mp4").write_text("no")
        out = ground.folder / f"out-{name}"
        given = ["--recipe", ground.recipe, "--out", out]
        done = ground.run("label", folder, *given)
        rows = ground.rows(out)
        wrong = "" if {r.status for r in rows.values()} == {"done", "failed"} else done.said[-300:]
        wrong = wrong or ("" if Path(out, "meta", "info.json").is_file() else done.said[-300:])
        yield ground.judge(f"{name!a}", done, wrong)
