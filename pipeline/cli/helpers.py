"""What commands do, imported when they do it: help and version stay quick."""

from __future__ import annotations

from typing import Any


def helper(name: str) -> Any:
    """See `rotoscope.pipeline.registry.helper`."""
    from rotoscope.pipeline import registry

    return registry.helper(name)
