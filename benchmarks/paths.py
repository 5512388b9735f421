"""Where real recordings with ground truth lie, for whoever has them."""

from __future__ import annotations

import os
from pathlib import Path


def shared_data() -> Path | None:
    """The folder of real recordings, or `None` where this machine has none.

    `ROTOSCOPE_SHARED_DATA` names it; otherwise `shared/data` beside the checkout is looked for.
    """
    named = os.environ.get("ROTOSCOPE_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def require_shared_data() -> Path:
    """The folder of real recordings; ends the benchmark with a sentence where it is absent."""
    folder = shared_data()
    if folder is None:
        raise SystemExit(
            "this benchmark needs the shared folder of real recordings; "
            "name it with ROTOSCOPE_SHARED_DATA=/path/to/data"
        )
    return folder
