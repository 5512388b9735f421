"""A dataset of LeRobot v2.0 or v2.1 as one of v3: whole, and what was missing said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rotoscope import __version__
from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.manifest import MANIFEST
from rotoscope.pipeline.export.replacing import dataset_folder
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.old_versions.found import open_old
from rotoscope.pipeline.old_versions.whole import write_whole
from rotoscope.pipeline.processes import python_module

KEPT = ("modality.json",)
"""Files of `meta` that are taken over as they are: Isaac GR00T's description of the parts."""


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    episodes: tuple[int, ...]
    """The old number of each new episode."""
    rows: int
    """Rows in all of them."""
    left_out: tuple[str, ...]
    """Sentences about what was not there."""


def import_dataset(data: Path, out: Path) -> Imported:
    """Writes a dataset of LeRobot v2.0 or v2.1 as v3; `data` is left as it is.

    LeRobot's converter stops at a subset, at gaps in the numbers and at v2.0, which has no
    statistics. So the episodes that are there are first made a whole v2.1 dataset beside `out`,
    which that converter then takes. `meta/rotoscope/imported.json` keeps the old numbers.

    Raises:
        DatasetError: It is damaged, or of another version; `out` holds something else; or the
            converter failed.
        DiskFullError: No space is left.
    """
    data, out = data.absolute(), out.absolute()
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise DatasetError(
            f"{out} exists and was not written by rotoscope; name another place or move it away"
        )
    old = open_old(data)
    with (
        dataset_folder(out) as root,
        scratch_folder("import", beside=root.parent) as work,
    ):
        numbers = write_whole(old, work / "whole")
        _convert(work / "whole")
        for part in (work / "whole_v30").iterdir():
            shutil.move(part, root / part.name)
        rows = _finish(root, old.info["fps"])
        facts = {
            "rotoscope": __version__,
            "version": old.info["codebase_version"],
            "left_out": list(old.left_out),
            **numbers,
        }
        kept = root / "meta" / "rotoscope" / "imported.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        for name in KEPT:
            if (source := meta_file(data, name)).is_file():
                shutil.copyfile(source, root / "meta" / name)
    return Imported(tuple(numbers["episodes"]), rows, old.left_out)


def _finish(root: Path, fps: float) -> int:
    """Gives back the rate that the converter cuts to a whole number; returns the rows."""
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    if fps != int(fps):
        info["fps"] = fps
        for facts in info["features"].values():
            facts |= {"fps": fps} if "fps" in facts else {}
        path.write_text(json.dumps(info, indent=4), encoding="utf-8")
    return int(info["total_frames"])


def _convert(whole: Path) -> None:
    """Runs LeRobot's converter on a whole dataset of v2.1, in a process of its own."""
    done = subprocess.run(
        python_module(__name__, str(whole)),
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise DatasetError(f"LeRobot's converter failed on it; it last said:\n{last}")


def _main(whole: Path) -> None:
    from lerobot.scripts import convert_dataset_v21_to_v30 as converter

    new = whole.with_name(f"{whole.name}_v30")
    sizes = converter.DEFAULT_DATA_FILE_SIZE_IN_MB, converter.DEFAULT_VIDEO_FILE_SIZE_IN_MB
    converter.convert_info(whole, new, *sizes)
    converter.convert_tasks(whole, new)
    rows = converter.convert_data(whole, new, sizes[0])
    videos = converter.convert_videos(whole, new, sizes[1])
    converter.convert_episodes_metadata(whole, new, rows, videos)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
