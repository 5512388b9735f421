"""`rotoscope caption`: what videos show, and whose they are, written beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.guard import when_stopped
from rotoscope.cli.options import Only
from rotoscope.cli.paths import given_path, named_path
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import RotoscopeError, UsageError


def caption(
    videos: Annotated[
        list[Path],
        typer.Argument(
            parser=given_path, help="Folders (searched through) and videos.", metavar="VIDEOS"
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            parser=named_path,
            help="Table with the columns video, and any of task, side, person, license, credit, "
            "url.",
        ),
    ] = None,
    template: Annotated[
        str, typer.Option(help="Text with the places {folder} and {name}: `pick up the {folder}`.")
    ] = "",
    server: Annotated[
        str,
        typer.Option(
            help="Address of an OpenAI-compatible server, up to /v1, that is shown pictures of "
            "each video and asked what is done in it."
        ),
    ] = "",
    model: Annotated[str, typer.Option(help="The server's name of the model.")] = "",
    prompt: Annotated[str, typer.Option(help="What the server is asked [one sentence].")] = "",
    pictures: Annotated[
        int, typer.Option(min=1, max=64, help="Pictures of each video that it is shown.")
    ] = 6,
    key_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the server's key.")
    ] = "OPENAI_API_KEY",
    license: Annotated[
        str, typer.Option(help="License of all these videos, such as CC-BY-4.0.")
    ] = "",
    credit: Annotated[str, typer.Option(help="Who is to be named for them.")] = "",
    only: Only = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where a text is there already.")
    ] = False,
) -> None:
    """Write NAME.json beside each video: its task in words, license and credit.

    `rotoscope label` puts them into the dataset. Texts that are there stay, unless --replace.
    Exit code 1 if a video failed; the others go on, and the same command goes on where it was.
    """
    from rotoscope.pipeline.captions.write import has_task, read_manifest, write_notes
    from rotoscope.pipeline.sources import scan
    from rotoscope.pipeline.video.notes import VideoNotes, task_of

    if sum(map(bool, (table, template, server))) > 1:
        raise UsageError("texts come from one place: --csv, --template or --server")
    if not (table or template or server or license or credit):
        raise UsageError("say where texts come from: --csv, --template or --server; or --license")
    found = [f for f in scan(videos, "video", only=only) if not (f.problem or f.left_out)]
    if not found:
        raise UsageError("there is no video among these; give folders or files")
    said = read_manifest(table, found) if table else {}
    when_stopped("texts that were written are kept; run the same command again for the others")
    look = _looker(server, model, prompt, pictures, key_variable) if server else None
    failed = written = 0
    for item in found:
        try:
            facts = {"license": license, "credit": credit} | said.get(item.path, {})
            if replace or not has_task(item.path):
                if template:
                    facts["task"] = task_of(template, VideoNotes(), item.path)
                elif look is not None:
                    facts["task"] = look(item.path)
            else:
                facts.pop("task", None)
            if any(facts.values()):
                write_notes(item.path, facts)
                written += 1
                console.say(f"{item.display_name}: {facts.get('task') or 'noted'}")
        except RotoscopeError as error:
            failed += 1
            console.say(f"{item.display_name}: {type(error).__name__}: {error}", style="red")
    console.say(f"{written} of {len(found)} videos noted, {failed} failed")
    raise typer.Exit(int(failed > 0))


def _looker(
    server: str, model: str, prompt: str, pictures: int, key_variable: str
) -> Callable[[Path], str]:
    """What asks the server about a video."""
    from rotoscope.pipeline.captions.pictures import pictures_of
    from rotoscope.pipeline.captions.server import PROMPT, CaptionServer

    if not model:
        raise UsageError("say which --model the server is to use")
    asked = CaptionServer(server, model, prompt or PROMPT, key_variable)
    return lambda path: asked.ask(pictures_of(path, pictures))
