"""What a served run shows of a dataset: the checks in their words, a contact sheet, the report."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
)

from rotoscope import api
from rotoscope.flows.artifacts import key_of, logger, only_shown
from rotoscope.flows.place import Place
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.check import Check, counts, exit_code
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.report.animations import contact_sheet
from rotoscope.pipeline.report.robot import RobotPainter

SHEET_WIDTH_PX = 1200
"""Of the picture in Prefect's database: some 100 kB."""


def look_at(dataset: Path, place: Place, *, with_report: bool) -> None:
    """Shows a dataset that was just published; what cannot be drawn costs a line of the log."""
    check(dataset)
    shows: list[Callable[[Path], object]] = [sheet]
    if with_report:
        shows.append(partial(report, place=place))
    for show in shows:
        try:
            show(dataset)
        except RotoscopeError as error:
            logger().warning("not shown: %s", error)


def check(dataset: Path) -> bool:
    """Shows what doctor says; whether no check fails."""
    checks = api.doctor(dataset)
    with only_shown():
        create_markdown_artifact(
            markdown=words(checks), key=key_of(dataset, "doctor"), description=counts(checks)
        )
    return not exit_code(checks)


def words(checks: Sequence[Check]) -> str:
    """The checks as a table in Markdown."""
    rows = [f"| {c.verdict} | {c.name} | {_cell(c.message)} |" for c in checks]
    return "\n".join(["| verdict | check | what was found |", "|---|---|---|", *rows])


def sheet(dataset: Path) -> None:
    """Shows the first episode: frames with what was found above, the robot below."""
    from PIL import Image

    found = open_dataset(dataset)
    episode = found.episode(0)
    with RobotPainter(()) as painter:
        uri = contact_sheet(found, episode, painter.draw_of(found, episode))
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    picture.thumbnail((SHEET_WIDTH_PX, SHEET_WIDTH_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75)
    small = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    with only_shown():
        create_image_artifact(
            image_url=small, key=key_of(dataset, "sheet"), description="The first episode"
        )


def report(dataset: Path, place: Place, *, episodes: int = 12) -> Path:
    """Writes the report beside the dataset and shows where it is seen."""
    made = api.report(
        dataset, out=dataset.with_name(dataset.name + ".report.html"), max_episodes=episodes
    )
    if url := place.url(made):
        with only_shown():
            create_link_artifact(
                link=url, link_text=made.name, key=key_of(dataset, "report"), description=url
            )
    return made


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
