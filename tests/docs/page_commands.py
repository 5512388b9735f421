"""Whether a command of the documentation is one: parsed by the program's own parser, not run."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

from page_blocks import ROOT

from benchmarks.__main__ import names as benchmark_names
from docs.generate.cli import root_command
from docs.generate.source import load
from docs.generate.training import TRAINED
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.recipe import load_recipe, recipe_names
from rotoscope.pipeline.settings import read_settings

BUILTINS = {".", "export", "cd", "git"}
RECIPE_COMMANDS = {"label", "describe", "track"}
PLACEHOLDERS = {"RECIPE"}


def fault_of(words: list[str], folder: Path) -> str:
    """What is wrong with a command, empty where nothing is.

    Args:
        words: The command.
        folder: Where files lie that the page shows.
    """
    program, *rest = words
    if program == "rotoscope":
        return _fault_of_ours(rest, folder)
    if program == "make":
        targets = [word for word in rest if "=" not in word]
        return next((f"no target {t}" for t in targets if t not in _make_targets()), "")
    if program == "python":
        return _fault_of_python(rest)
    if program in BUILTINS or program in _console_scripts():
        return ""
    return f"{program} is no program that is installed here; say <!-- other: why --> if it is known"


def fault_of_setting(text: str) -> str:
    """What is wrong with one `-o KEY=VALUE` that stands alone in the text."""
    faults = []
    for override in re.findall(r"-o (\S+)", text):
        tried = [_fault_of_override(override, name) for name in recipe_names()]
        tried += [_fault_of_training(r, [*_whole(r), override]) for r in TRAINED.values()]
        if all(tried):
            faults.append(f"{override}: no recipe and no training has it ({tried[0]})")
    return "; ".join(faults)


def _fault_of_ours(words: list[str], folder: Path) -> str:
    command, name = root_command(), "rotoscope"
    while getattr(command, "commands", None):
        if not words:
            return ""  # a group alone shows its help
        inner = command.get_command(None, words[0])
        if inner is None:
            return "" if words == ["--help"] or words == ["--version"] else f"no command {words[0]}"
        command, name, words = inner, f"{name} {words[0]}", words[1:]
    try:
        context = command.make_context(name, list(words))
    except Exception as error:  # whatever the parser of the command line says
        return str(getattr(error, "message", "") or error)
    return _fault_of_settings(name, context.params, folder)


def _fault_of_settings(name: str, given: dict[str, Any], folder: Path) -> str:
    overrides = given.get("override") or []
    last = name.rpartition(" ")[2]
    if last in RECIPE_COMMANDS:
        recipe = given["recipe"]
        if recipe in PLACEHOLDERS:
            return ""
        shown = folder / recipe
        return _fault_of_recipe(str(shown) if shown.is_file() else recipe, overrides)
    trained = {key.removesuffix(" --policy bc").removesuffix(" --policy act") for key in TRAINED}
    if name not in trained:
        return ""
    policy = given.get("policy")
    kind = name if policy is None else f"{name} --policy {'bc' if policy == 'bc' else 'act'}"
    return _fault_of_training(TRAINED[kind], overrides)


def _fault_of_recipe(recipe: str, overrides: list[str]) -> str:
    try:
        load_recipe(recipe, overrides)
    except RotoscopeError as error:
        # A trained labeler has to be named; a page that is about something else need not.
        return "" if "must be given" in str(error) and not overrides else str(error)
    return ""


def _fault_of_override(override: str, recipe: str) -> str:
    fault = _fault_of_recipe(recipe, [override])
    missing = "must be given" in fault and "unknown" not in fault
    return "" if missing and override.partition(".")[0] in fault else fault


def _fault_of_training(reference: str, overrides: list[str]) -> str:
    try:
        read_settings(overrides, load(reference))
    except RotoscopeError as error:
        return str(error)
    return ""


def _whole(reference: str) -> list[str]:
    """What must be given beside a setting that stands alone."""
    return ["inputs=[observation.state]"] if "inputs" in load(reference).model_fields else []


def _fault_of_python(words: list[str]) -> str:
    if words[:2] == ["-m", "benchmarks"]:
        asked = [word for word in words[2:] if not word.startswith("-")]
        return next((f"no benchmark {n}" for n in asked if n not in benchmark_names()), "")
    if words[0] == "-m":
        return "" if words[1] in ("pytest", "mypy", "mkdocs", "ruff") else f"which module? {words}"
    return "" if (ROOT / words[0]).is_file() else f"{words[0]} is not there"


def _make_targets() -> list[str]:
    return re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _console_scripts() -> set[str]:
    return {point.name for point in importlib.metadata.entry_points(group="console_scripts")}
