"""One focal length in pixels for pictures of several sizes: it can be right for one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

_DIGITS = 6


def mixed_sizes(lines: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with a recipe's intrinsics, in a sentence; empty where nothing is.

    Args:
        lines: Those of a dataset's `episodes.jsonl`.
    """
    sizes: dict[float, dict[tuple[int, int], set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in lines:
        scene = line.get("scene", {})
        if scene.get("K_source") == "recipe" and "video_width" in scene and scene.get("K"):
            size = (int(scene["video_width"]), int(scene["video_height"]))
            name = str(line.get("name") or line.get("episode_index"))
            sizes[round(float(scene["K"][0][0]), _DIGITS)][size].add(name)
    for fx, found in sizes.items():
        if len(found) > 1:
            parts = [
                f"{width} x {height} ({len(names)}, such as {min(names)})"
                for (width, height), names in sorted(found.items())
            ]
            return (
                f"one focal length, {fx:g} px, was taken for pictures of {' and '.join(parts)}: "
                "distances of all but one size are wrong; say the width that it belongs to, "
                "camera.width=..., or what each video's camera is in NAME.camera.yaml beside it"
            )
    return ""
