"""Videos of hands with exact truth, rendered from a body model.

May import: nothing else of `models`.
"""

from rotoscope.models.rendered_hands.arm import Body
from rotoscope.models.rendered_hands.clip import (
    HandTruth,
    RenderedClip,
    rendered_clip,
    write_sample_clip,
)
from rotoscope.models.rendered_hands.scenes import Scene

__all__ = ["Body", "HandTruth", "RenderedClip", "Scene", "rendered_clip", "write_sample_clip"]
