"""Rotoscope turns ordinary video into datasets that robot policies can be trained on."""

from pathlib import Path

__version__ = "0.1.0"

_HERE = Path(__file__).resolve().parent
if not (_HERE / "pipeline").is_dir():
    # A checkout: the parts lie beside this folder. Taken from there and nowhere else, so that a
    # checkout on the path never mixes with another one, or a wheel, that is installed.
    __path__.append(str(_HERE.parent))
