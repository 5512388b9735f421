"""Rotoscope turns ordinary video into datasets that robot policies can be trained on."""

__version__ = "0.1.0"
