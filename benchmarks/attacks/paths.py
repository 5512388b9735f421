# ruff: noqa: E501 - an attack a line
"""Paths that come from data and lead elsewhere, never end, or are no files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks._small_dataset import publish_small
from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import Ground, write_clip

VIDEO = "videos/observation.images.front/chunk-000/file-000.mp4"
TABLE = "data/chunk-000/file-000.parquet"


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _to(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return link


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": _fifo,
    "folder": _folder,
    "environment": _to("/proc/self/environ"),
    "endless": _to("/dev/zero"),
    "terminal": _to("/dev/tty"),
    "stdin": _to("/proc/self/fd/0"),
    "itself": lambda path: (path.unlink(), path.symlink_to(path.name))[1],
    "above": lambda path: (path.unlink(), path.symlink_to("../../../elsewhere/secret.txt"))[1],
    "gone": Path.unlink,
}


@attack("paths")
def odd_files_in_a_dataset(ground: Ground) -> Iterator[Finding]:
    """Each file of a dataset becomes something else, for each command that reads datasets."""
    whole = ground.folder / "whole"
    publish_small(whole, episodes=2, rows=30)
    files = sorted(str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file())
    env = {"SECRET_OF_MINE": ground.canary}
    for number, file in enumerate(files):
        for place, (name, change) in enumerate(KINDS.items()):
            if (number + place) % 5:
                continue
            data = Path(shutil.copytree(whole, ground.folder / "data"))
            change(data / file)
            shutil.rmtree(ground.out, ignore_errors=True)
            command = [
                ["doctor", "--verify"],
                ["doctor"],
                ["report", "--html", ground.out / "x.html"],
            ][place // 3]
            ground.out.mkdir()
            done = ground.run(*command, data, env=env, limit_s=40)
            yield ground.judge(f"{command[0]}, {file} is {name}", done)
            shutil.rmtree(data)


@attack("paths")
def templates_and_names(ground: Ground) -> Iterator[Finding]:
    """`info.json` that names files elsewhere, in ways of its own."""
    data = ground.folder / "data"
    publish_small(data, episodes=2, rows=30)
    outside = ground.folder / "elsewhere"
    for name in (VIDEO, TABLE):
        shutil.copyfile(data / name, outside / Path(name).name)
    info = data / "meta" / "info.json"
    good = json.loads(info.read_text())
    (data / "ln").symlink_to(outside)
    for key, file in (("video_path", "file-000.mp4"), ("data_path", "file-000.parquet")):
        forms = (
            *(f"ln/{file}", f"{data.name}/../../elsewhere/{file}", f"meta/../../elsewhere/{file}"),
            *(
                f"/proc/self/cwd/elsewhere/{file}",
                f"file://{outside / file}",
                f"{file}\0x",
                "x" * 5000,
            ),
            *(f"..\\elsewhere\\{file}", "{video_key:>9999999}", "{chunk_index!r}", "", ".", "~/x"),
        )
        for template in forms[key == "data_path" :: 2]:
            info.write_text(json.dumps(good | {key: template}))
            done = ground.run("report", data, "--html", ground.folder / "x.html", limit_s=60)
            page = ground.folder / "x.html"
            is_read = page.is_file() and (outside / file).name in str(template) and done.code == 0
            yield ground.judge(f"{key}={template[:40]!r}", done, "read" * is_read, as_="outside")
            page.unlink(missing_ok=True)


@attack("paths")
def odd_videos_and_motions(ground: Ground) -> Iterator[Finding]:
    """What stands among inputs under a video's or a motion's name."""
    write_clip(ground.videos / "fine.mp4")
    for name, change in KINDS.items():
        path = ground.videos / f"{name}.mp4"
        path.write_bytes(b"")
        change(path)
    (ground.videos / "secret.mp4").symlink_to(ground.secret)
    (ground.videos / "deep").mkdir()
    (ground.videos / "deep" / "up").symlink_to("..")
    done = ground.label(env={"SECRET_OF_MINE": ground.canary})
    fine = ground.rows().get("fine.mp4")
    wrong = "" if fine and fine.status == "done" else done.said[-700:]
    yield ground.judge("videos", done, wrong)
    motions = ground.folder / "motions"
    for number, (name, change) in enumerate(KINDS.items()):
        motions.mkdir()
        (motions / "a.bvh").write_text("HIERARCHY\n")
        (motions / "motion.yaml").write_text("up: z\n")
        change(motions / ("motion.yaml" if number % 2 else "a.bvh"))
        given = ["--recipe", "motion-humanoid", "--out", ground.out]
        done = ground.run(
            "label", motions, *given, env={"SECRET_OF_MINE": ground.canary}, limit_s=60
        )
        yield ground.judge(f"motion, {name}", done)
        shutil.rmtree(motions)


@attack("paths")
def robots(ground: Ground) -> Iterator[Finding]:
    """Robot files that include, mesh and texture what lies elsewhere."""
    secret = ground.secret
    (ground.folder / "robots").mkdir()
    joint = '<joint name="j" type="hinge" range="-1 1"/><geom size=".1"/>'
    for name, text in {
        "include.xml": f"<mujoco><include file='{secret}'/></mujoco>",
        "include-up.xml": "<mujoco><include file='../elsewhere/secret.txt'/></mujoco>",
        "texture.xml": f"<mujoco><asset><texture name='t' type='2d' file='{secret}'/></asset><worldbody><body>{joint}</body></worldbody></mujoco>",
        "meshdir.xml": f"<mujoco><compiler meshdir='{secret.parent}'/><asset><mesh name='m' file='secret.txt'/></asset><worldbody><body>{joint}</body></worldbody></mujoco>",
        "entity.xml": f"<!DOCTYPE m [<!ENTITY e SYSTEM 'file://{secret}'>]><mujoco model='&e;'><worldbody><body>{joint}</body></worldbody></mujoco>",
        "laughs.xml": "<!DOCTYPE m [<!ENTITY a 'aaaaaaaaaa'>"
        + "".join(f"<!ENTITY {chr(98 + n)} '{(f'&{chr(97 + n)};') * 10}'>" for n in range(9))
        + "]><mujoco model='&j;'/>",
        "plugin.xml": f"<mujoco><extension><plugin plugin='{secret}'/></extension></mujoco>",
        "mesh.urdf": f"<robot name='r'><link name='a'><visual><geometry><mesh filename='file://{secret}'/></geometry></visual></link></robot>",
        "package.urdf": "<robot name='r'><link name='a'><visual><geometry><mesh filename='package://../elsewhere/secret.txt'/></geometry></visual></link></robot>",
        "xacro.urdf": f"<robot name='r' xmlns:xacro='http://www.ros.org/wiki/xacro'><xacro:include filename='{secret}'/><link name='${{open(\"{ground.mark}\",\"w\")}}'/></robot>",
        "names.yaml": f"kind: arm\nfile: {secret}\n",
        "up.yaml": "kind: arm\nfile: ../elsewhere/secret.txt\n",
    }.items():
        path = ground.folder / "robots" / name
        path.write_text(text)
        yield ground.judge(name, ground.run("robot", "check", path, limit_s=60))


@attack("paths")
def honest_layouts(ground: Ground) -> Iterator[Finding]:
    """What people do: links to a disk, a cache of the hub, a helper beside a stage, another folder."""
    disk = ground.folder / "disk"
    write_clip(disk / "one" / "a.mp4")
    shutil.rmtree(ground.videos)
    ground.videos.symlink_to(disk)
    (disk / "more").symlink_to(disk / "one")
    done = ground.label()
    yield ground.judge("a link to a folder", done, "" if done.code == 0 else done.said)
    hub = ground.folder / "datasets--me--it"
    shot = hub / "snapshots" / "abc"
    publish_small(ground.folder / "plain", episodes=1, rows=30)
    for number, path in enumerate(
        sorted(p for p in (ground.folder / "plain").rglob("*") if p.is_file())
    ):
        blob = hub / "blobs" / f"{number:040x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, blob)
        link = shot / path.relative_to(ground.folder / "plain")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    done = ground.run("doctor", shot)
    yield ground.judge("a cache of the hub", done, "" if done.code == 0 else done.said[-900:])
    extra = ground.folder / "user-site"
    extra.mkdir()
    (extra / "my_package_of_mine.py").write_text("GAIN = 1\n")
    own = ground.folder / "own.py"
    stage = Path(__file__).with_name("lamp.py").read_text()
    own.write_text(
        stage.replace("import numpy as np", "import numpy as np\nimport my_package_of_mine")
    )
    ground.write_recipe(
        ground.recipe, "./own.py:Bright as bright", "./own.py:Lamp as lamp", "curate"
    )
    both = os.pathsep.join([str(extra), str(Path(__file__).parents[2])])
    done = ground.run(
        "label", disk, "--recipe", "lamp.yaml", "--out", "out2", env={"PYTHONPATH": both}
    )
    yield ground.judge("a package of one's own", done, "" if done.code == 0 else done.said[-500:])
    elsewhere = ground.folder / "cwd"
    elsewhere.mkdir()
    env = {"PYTHONPATH": both}
    done = ground.run(
        "label", "../disk", "--recipe", "../lamp.yaml", "--out", "o", cwd=elsewhere, env=env
    )
    yield ground.judge("from another folder", done, "" if done.code == 0 else done.said[-500:])
