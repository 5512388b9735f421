"""All goldens, where they are kept, and which version each is of."""

import json
import tempfile
from pathlib import Path
from typing import Any

import golden_bodies
import golden_camera
import golden_depth
import golden_hands
import golden_keyed
import golden_learned
import golden_motion
import golden_motion_tracks
import golden_objects
import golden_video
from golden_case import Case
from golden_digest import Digest, digest_of

from rotoscope.pipeline.registry import stage_class
from rotoscope.pipeline.run import keys

DATA = Path(__file__).parent / "data"
CASES: dict[str, Case] = {
    **golden_video.CASES,
    **golden_hands.CASES,
    **golden_depth.CASES,
    **golden_camera.CASES,
    **golden_bodies.CASES,
    **golden_motion.CASES,
    **golden_motion_tracks.CASES,
    **golden_objects.CASES,
    **golden_learned.CASES,
    **golden_keyed.CASES,
}
"""By the kind of stage, or what else is stored; `kind@part` is a further golden of a kind."""
NO_STAGE = {"frames": "FRAMES_VERSION", "episodes": "EPISODES_VERSION"}
"""What is stored and is no stage's: name of its version in `rotoscope.pipeline.run.keys`."""


def kind_of(name: str) -> str:
    """What a golden is about."""
    return name.partition("@")[0]


def version_now(name: str) -> str:
    """The version that the code states."""
    kind = kind_of(name)
    return getattr(keys, NO_STAGE[kind]) if kind in NO_STAGE else stage_class(kind).version


def where_bumped(name: str) -> str:
    """Where that version stands."""
    kind = kind_of(name)
    if kind in NO_STAGE:
        return f"{NO_STAGE[kind]} in pipeline/run/keys.py"
    return f"version of {stage_class(kind).__name__} in {stage_class(kind).__module__}"


def path_of(name: str) -> Path:
    """Where a golden is kept."""
    return DATA / f"{name}.json"


def load(name: str) -> dict[str, Any] | None:
    """Version and digest, or `None` where none is kept."""
    return json.loads(path_of(name).read_text()) if path_of(name).is_file() else None


def digest_now(name: str) -> Digest:
    """What the code makes now, as it would be read back."""
    with tempfile.TemporaryDirectory() as folder:
        digest = digest_of(CASES[name].make(Path(folder)))
    read: Digest = json.loads(json.dumps(digest))
    return read
