"""Videos of hands with exact truth, rendered from a body model."""

from models.rendered_hands.clip import (
    HandTruth,
    RenderedClip,
    rendered_clip,
    write_sample_clip,
)
from models.rendered_hands.scenes import Scene

__all__ = ["HandTruth", "RenderedClip", "Scene", "rendered_clip", "write_sample_clip"]
