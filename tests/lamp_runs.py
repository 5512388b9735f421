"""A whole run in a second: small videos, a robot of one joint whose angle is their brightness."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from video_files import write_video

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import LabelResult, label
from rotoscope.pipeline.run.request import LabelRequest

TINY = Path(__file__).parent / "run" / "tiny_stages.py"
STAGES = (f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate")


def write_recipe(path: Path, stages=STAGES) -> Path:
    raw = {"name": "lamp", "stages": list(stages), "export": {"width": 64, "height": 48}}
    path.write_text(yaml.safe_dump(raw))
    return path


def write_clip(path: Path, frames: int = 45, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, frames=frames, fps=30, size=(64, 48), **more)


def run_lamp(
    folder: Path, *overrides: str, videos: Path | None = None, out: Path | None = None, **more
) -> LabelResult:
    """Labels `folder/videos` into `folder/out`, all results kept in `folder/store`."""
    recipe = folder / "lamp.yaml"
    if not recipe.exists():
        write_recipe(recipe)
    extra = {k: more.pop(k) for k in ("listener", "retry_only", "stop") if k in more}
    request = LabelRequest(
        inputs=(videos or folder / "videos",),
        recipe=load_recipe(str(recipe), overrides),
        out=out or folder / "out",
        **{"store": folder / "store"} | more,
    )
    return label(request, **extra)


def statuses(result: LabelResult) -> dict[str, str]:
    return {row.name: row.status for row in result.rows}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
