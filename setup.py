"""Names the packages: every part of Rotoscope and what is in it, below one import root."""

from setuptools import find_packages, setup

PARTS = ("pipeline", "models", "retarget", "flows")

setup(
    packages=[
        "rotoscope",
        *(f"rotoscope.{name}" for name in find_packages("rotoscope")),
        *(f"rotoscope.{part}" for part in PARTS),
        *(f"rotoscope.{part}.{name}" for part in PARTS for name in find_packages(part)),
    ]
)
