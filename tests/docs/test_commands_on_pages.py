"""Every command on the site is one that the program takes.

Commands are parsed by the command line's own parser, and their settings checked against the recipe
or the training that they are for; nothing is run. So a renamed option, setting, recipe, stage,
target or benchmark fails here. `test_pages_run.py` runs some pages for real, as a slow test.
"""

import pytest
from page_blocks import PAGES, blocks, commands, inline_commands
from page_commands import fault_of, fault_of_setting

SHELL = [block for page in PAGES for block in blocks(page, "sh") if block.note != "other"]
INLINE = [(page, text) for page in PAGES for text in inline_commands(page)]


@pytest.mark.parametrize("block", SHELL, ids=lambda b: b.name)
def test_commands_of_a_block_are_taken(block, tmp_path):
    for shown in blocks(block.page, "python", "yaml"):
        if shown.file_name:
            (tmp_path / shown.file_name).write_text(shown.text)
    faults = {" ".join(w): fault_of(w, tmp_path) for w in commands(block.text)}
    assert {command: fault for command, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("page", sorted({page for page, _ in INLINE}), ids=lambda p: p.name)
def test_commands_in_the_text_are_taken(page, tmp_path):
    faults = {}
    for text in inline_commands(page):
        if text.startswith("-o "):
            faults[text] = fault_of_setting(text)
        elif not text.startswith("make "):
            faults |= {text: _fault_of_mention(text, tmp_path)}
    assert {text: fault for text, fault in faults.items() if fault} == {}


def _fault_of_mention(text, folder):
    """A mention may leave out what is required; what it says must be right."""
    fault = fault_of(next(commands(text)), folder)
    return "" if "Missing" in fault else fault


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("rotoscope label V --out D --no-such-option", "no-such-option"),
        ("rotoscope labels V --out D", "no command labels"),
        ("rotoscope label V --out D --recipe no-such", "no recipe 'no-such'"),
        ("rotoscope label V --out D -o hands.no_such=1", "unknown key 'no_such'"),
        ("rotoscope label V --out D -o nowhere.num_hands=1", "cannot read override"),
        ("rotoscope train inverse-dynamics --data D --out L -o no_such=1", "no_such"),
        ("rotoscope train policy --data D --out P -o wieghting=confidence", "wieghting"),
        ("make no-such-target", "no target no-such-target"),
        ("python -m benchmarks no_such", "no benchmark no_such"),
        ("python tests/no_such.py", "is not there"),
        ("no-such-program x", "no program"),
    ],
)
def test_what_is_wrong_is_seen(command, fault, tmp_path):
    assert fault in fault_of(next(commands(command)), tmp_path)


def test_a_setting_of_nothing_is_seen():
    assert "no recipe and no training has it" in fault_of_setting("-o hands.no_such=1")
    assert fault_of_setting("-o hands.num_hands=1") == ""
    assert fault_of_setting("-o loop.seed=1") == ""
