"""Where the makers of test data lie that goldens share with other tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def add_paths() -> None:
    """Makes the repository's packages and the helpers of its tests importable."""
    tests = ROOT / "tests"
    for folder in (ROOT, tests, *(tests / name for name in ("models", "retarget", "golden"))):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
