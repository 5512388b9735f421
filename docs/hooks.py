"""What the build of the site does beside what MkDocs does by itself.

Pages of the reference are made from the code, files of the repository become pages, and formulas
become MathML, so that the site needs no script or font from elsewhere.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # mkdocs, started as a program, has not the checkout on its path

from docs.generate import api, cli, columns, errors, stages, training  # noqa: E402

GENERATED: dict[str, Callable[[], str]] = {
    "reference/cli.md": cli.make,
    "reference/stages.md": stages.make_stages,
    "reference/recipes.md": stages.make_recipes,
    "reference/training.md": training.make,
    "reference/columns.md": columns.make,
    "reference/api.md": api.make,
    "reference/errors.md": errors.make,
}
"""Pages that are made from the code."""

COPIED = {"changelog.md": "CHANGELOG.md", "benchmarks_all.md": "benchmarks/README.md"}
"""Pages that are files of the repository, by the page's name."""

FORMULA = re.compile(r"\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\]", re.DOTALL)
MARKED = re.compile(r'(<(?P<tag>span|div) class="arithmatex">)(.*?)(</(?P=tag)>)', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie nowhere as files."""
    for name, make in GENERATED.items():
        files.append(File.generated(config, name, content=make()))
    for name, source in COPIED.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML."""
    return MARKED.sub(lambda found: FORMULA.sub(_mathml, found[0]), content)


def _mathml(found: re.Match[str]) -> str:
    is_inline = found["inline"] is not None
    latex = html.unescape(found["inline"] if is_inline else found["block"])
    return convert(latex.strip(), display="inline" if is_inline else "block")
