"""The pages about stages and recipes, from the registry, the classes and the YAML files."""

from __future__ import annotations

from pydantic import BaseModel

from docs.generate.markdown import code, page, sentence, table
from docs.generate.settings import settings_table
from docs.generate.source import docstring
from rotoscope.pipeline import registry
from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.recipe import (
    Recipe,
    load_recipe,
    recipe_names,
)
from rotoscope.pipeline.recipe_sections import ExportSection, LimitsSection, VideoSection
from rotoscope.pipeline.stage import FrameStage, Stage

SECTIONS: dict[str, type[BaseModel]] = {
    "video": VideoSection,
    "export": ExportSection,
    "limits": LimitsSection,
}


def make_stages() -> str:
    """Every stage: what it does, takes and gives, and its settings."""
    classes = {kind: registry.stage_class(kind) for kind in registry.BUILT_IN}
    index = table(
        ("stage", "version", "what comes out"),
        [(f"[`{k}`](#{anchor(k)})", c.version, _first(c)) for k, c in classes.items()],
    )
    return page(
        "Stages",
        "Each can stand in a [recipe](recipes.md), with settings of its own; on the command line "
        "`-o STAGE.SETTING=VALUE` changes one. Lengths, times and angles are in SI units where no "
        "unit stands. This page is made from the code.",
        index,
        *(_stage(kind, found) for kind, found in classes.items()),
    )


def make_recipes() -> str:
    """Every recipe that ships, and what a recipe may hold beside its stages."""
    names = recipe_names()
    recipes = {name: load_recipe(name) for name in names}
    sections = [
        f"### {name}\n\n{sentence(docstring(model))}\n\n{settings_table(model, f'{name}.')}"
        for name, model in SECTIONS.items()
    ]
    return page(
        "Recipes",
        "A recipe is a YAML file; nothing else decides what runs. `rotoscope recipes NAME` prints "
        "one with every default, `-o KEY=VALUE` changes a setting, and a file of your own is named "
        "by its path. This page is made from the code.",
        table(
            ("recipe", "takes", "what it does"),
            [(f"[`{n}`](#{n})", r.source, r.description) for n, r in recipes.items()],
        ),
        *(_recipe(name, recipe) for name, recipe in recipes.items()),
        "## Sections",
        "Beside `stages`, a recipe may hold `name`, `description`, `task` (the words that every "
        "episode carries), `action` (which labeler becomes `action`), and these:",
        *sections,
    )


def anchor(kind: str) -> str:
    """Where on the page of stages one stands."""
    return kind.replace(".", "-").replace("_", "-")


def _stage(kind: str, found: type[Stage]) -> str:
    facts = [
        (
            "kind of stage",
            "looks at frames" if issubclass(found, FrameStage) else "works on tracks",
        ),
        ("version", found.version),
        ("requires", ", ".join(code(name) for name in found.requires) or "nothing"),
        ("uses", ", ".join(code(name) for name in found.uses) or "nothing else"),
        ("provides", ", ".join(code(name) for name in found.provides)),
        ("assets", ", ".join(code(name) for name in found.assets)),
        ("output depends on", ", ".join(code(name) for name in found.packages)),
    ]
    return "\n\n".join(
        [
            f"## {kind} {{ #{anchor(kind)} }}",
            docstring(found),
            table(("", ""), [fact for fact in facts if fact[1]]),
            settings_table(found.Config),
        ]
    )


def _recipe(name: str, recipe: Recipe) -> str:
    chain = " → ".join(
        f"[`{s.name}`](stages.md#{anchor(s.stage_class.kind)})" for s in recipe.stages
    )
    text = config_path("recipes", f"{name}.yaml").read_text().strip()
    return f"## {name}\n\n{recipe.description}\n\n{chain}\n\n```yaml\n{text}\n```"


def _first(found: type[Stage]) -> str:
    return sentence(docstring(found).partition("\n\n")[0])
