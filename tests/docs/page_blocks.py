"""Fenced blocks and inline commands of the documentation.

A comment right above a fence says what is special about a block, and why:

- `<!-- heavy: why -->`: commands that are parsed here and run elsewhere.
- `<!-- other: why -->`: commands of a program that is not ours.
- `<!-- needs: NAME ... -->`: Python that runs where modules, `module.name` and assets are there.
- `<!-- file: NAME -->`: YAML that is no recipe but that file, or notes beside motion files.

A block whose first line is `# name.ext` is that file, for the blocks behind it on the page.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "AGENTS")),
    ]
)
KINDS = ("heavy", "other", "needs", "file")
FENCE = re.compile(
    r"(?:<!-- (?P<note>\w+): (?P<why>[^\n]+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
INLINE = re.compile(r"`(rotoscope [^`\n]+|make [a-z-]+[^`\n]*|-o [^`\n]+)`")
FILE_NAME = re.compile(r"# ([\w-]+\.(?:py|yaml))\n")
PLACEHOLDER = re.compile(r"\b(?:STAGE|SETTING|KEY|VALUE|NAME|GLOB|RECIPE|FOLDER|PATH|ENV|OUT)\b")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    """File that it stands on."""
    line: int
    """Line of its fence, from 1."""
    language: str
    """What the fence says."""
    text: str
    """What is in it."""
    note: str = ""
    """Kind of the comment above it, empty where there is none."""
    why: str = ""
    """What that comment says."""

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file_name(self) -> str:
        """Name of the file that it is, empty where it is none."""
        found = FILE_NAME.match(self.text)
        return found[1] if found else ""


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages."""
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        note, why = match["note"] or "", match["why"] or ""
        found.append(Block(page, line, match["language"], match["text"], note, why))
    return [block for block in found if block.language in languages]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a shell block, as words, without comments, pipes and variables."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in lexer:
            if set(word) <= set(";|&"):
                if words:
                    yield words
                words = []
            elif words or not re.fullmatch(r"[A-Z_]+=.*", word):
                words.append(word)
        if words:
            yield words


def inline_commands(page: Path) -> list[str]:
    """Commands and settings that stand in the text; those about a placeholder are left out."""
    text = FENCE.sub("", page.read_text())
    found = [match[1] for match in INLINE.finditer(text)]
    return [one for one in found if not PLACEHOLDER.search(one) and "..." not in one]
