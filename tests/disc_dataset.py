"""A labeled dataset as another tool would write it: a red disc moves as it was commanded to."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import yaml
from corruptions import without_facts

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20
SIZE_PX = 96
LENGTHS = (23, 31, 17, 26)
"""Rows of each episode; the recorder joins them all in one mp4."""
CAMERA = "observation.images.front"
COLUMN = "track.colour.disc"


def places_px(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the disc is in every row of an episode, shape (row, 2), and its step to the next."""
    generator = np.random.default_rng(number)
    turns_rad = generator.uniform(0, 2 * np.pi) + np.cumsum(
        generator.normal(0, 0.5, LENGTHS[number])
    )
    steps = 2.5 * np.stack([np.cos(turns_rad), np.sin(turns_rad)], axis=1)
    # Each episode in a corner of its own: a neighbor's frame would stand far away.
    corner = np.array([30 + 36 * (number % 2), 30 + 36 * (number // 2)])
    place = np.zeros(2)
    places = np.empty_like(steps)
    for row, step in enumerate(steps):
        places[row] = corner + place
        steps[row] = np.where(np.abs(place + step) > 12, -step, step)
        place = place + steps[row]
    return places, steps


def picture(place_px: np.ndarray) -> np.ndarray:
    """A red disc on gray, its edge as soft as a camera's."""
    grid = np.arange(SIZE_PX) + 0.5
    distance = np.hypot(grid[None] - place_px[0], grid[:, None] - place_px[1])
    share = np.clip(7.5 - distance, 0, 1)[..., None]
    return np.rint(share * [220, 30, 30] + (1 - share) * 110).astype(np.uint8)


def write_discs(out: Path) -> Path:
    """The dataset; nothing in it is ours but the way it was written."""
    names = ("disc.dx", "disc.dy")
    contract = ActionContract(
        robot="disc",
        dimensions=tuple(Dimension(name=n, quantity="position", unit="m") for n in names),
        rate_hz=FPS,
        shift_s=0,
        is_state=False,
    )
    state = StateColumns(("disc.x", "disc.y"), "px", "Where it is.")
    with DatasetRecorder(contract, state, camera="front") as recorder:
        for number, length in enumerate(LENGTHS):
            places, steps = places_px(number)
            with recorder.encoder(picture(places[0])) as encoder:
                for place in places:
                    encoder.add(picture(place))
            sure = np.ones(length)
            rows = Rows(f"disc{number}", "move the disc", steps, sure > 0, sure, places)
            recorder.add(rows, encoder)
        recorder.publish(out, made_by="test")
    shutil.rmtree(out / "meta" / "rotoscope")
    without_facts(out)
    return out


def write_recipe(path: Path) -> Path:
    """Follows the disc; ends in a labeler that is not trained yet."""
    disc = {"track.colour": {"things": {"disc": {"rgb": [220, 30, 30]}}}}
    labeler = {"label.inverse_dynamics": {"model": "not/trained/yet"}}
    stages = ["shots", disc, labeler, "curate"]
    path.write_text(yaml.safe_dump({"name": "disc", "stages": stages}))
    return path
