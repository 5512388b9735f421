"""A run over many videos whose children cost nothing: scanning, order, ledger, what is known.

`python -m benchmarks._bookkeeping COUNT` prints by how many KiB a video this process has grown.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks._tiny_videos import lamp_recipe, tiny_videos
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run import label
from rotoscope.pipeline.run.events import ignore
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.plan import Work, prepare
from rotoscope.pipeline.run.request import LabelRequest


def main(count: int) -> None:
    """Does what `label` does, up to the dataset."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tiny_videos(root / "videos", 1)
        pictures = (root / "videos" / "000000.mp4").read_bytes()[:600]
        for number in range(count):
            (root / "videos" / f"{number:06d}.mp4").write_bytes(b"%08d" % number + pictures)
        recipe = load_recipe(str(lamp_recipe(root / "lamp.yaml")))
        request = LabelRequest(
            (root / "videos",), recipe, root / "out", store=root / "store", workers=2
        )
        began = _resident_kib()
        ledger = label.ledger_of(request)
        prepared = prepare(request, ledger)
        label.run_if_free = _made_up
        for row in label.run_all(request, prepared.todo, ignore, threading.Event()):
            ledger.append(row)
            prepared.rows[row.name] = row
        if len(label.settle(prepared.rows, ledger)) != count:
            raise SystemExit("rows are missing")
        print((_resident_kib() - began) / count)


def _made_up(request: LabelRequest, work: Work, *others: object) -> Row:
    name = work.found.display_name
    detail = {"cpu_s": {"bright": 0.1, "decode": 0.1}, "clips": 1, "rows": 30, "valid_rows": 30}
    return Row(name, "done", sha256=name * 6, episodes=(name * 6,), cpu_s=0.1, detail=detail)


def _resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]))
