"""Rotoscope turns ordinary video into datasets that robot policies can be trained on.

`import rotoscope as rt; run = rt.label("cup.mp4", out="dataset")`. What `rotoscope.public` names
can be had from here; it is imported when first asked for.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HERE = Path(__file__).resolve().parent
if not (_HERE / "pipeline").is_dir():
    # A checkout: the parts lie beside this folder. Taken from there and nowhere else, so that a
    # checkout on the path never mixes with another one, or a wheel, that is installed.
    __path__.append(str(_HERE.parent))

if TYPE_CHECKING:
    from rotoscope.public import *  # noqa: F403
else:
    # Where a type checker saw it, it would take every name for one that is there.
    def __getattr__(name: str) -> object:
        # Python and its tools ask every module for names of this form.
        if name == "__all__" or not name.startswith("__"):
            public = importlib.import_module("rotoscope.public")
            if name in public.__all__ or name == "__all__":
                return getattr(public, name)
        raise AttributeError(f"module 'rotoscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *importlib.import_module("rotoscope.public").__all__})
