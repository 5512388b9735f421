"""The collector itself sees what stands on a page."""

import pytest
from page_blocks import KINDS, PAGES, blocks, commands, inline_commands

PAGE = """
<!-- heavy: takes hours -->
```sh
A=1 rotoscope label x --out 'a b'  # why
make demo; rotoscope doctor x | less
```

Say `-o a.b=1` or `rotoscope retry X`, not `rotoscope label NAME ...`.

```python
x = 1
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_a_block_has_its_line_language_and_note(page):
    first, second = blocks(page, "sh", "python")
    assert (first.line, first.note, first.why) == (3, "heavy", "takes hours")
    assert (second.line, second.note, second.text) == (10, "", "x = 1\n")


def test_commands_are_words_without_comments_and_variables(page):
    assert list(commands(blocks(page, "sh")[0].text)) == [
        ["rotoscope", "label", "x", "--out", "a b"],
        ["make", "demo"],
        ["rotoscope", "doctor", "x"],
        ["less"],
    ]


def test_placeholders_in_the_text_are_no_commands(page):
    assert inline_commands(page) == ["-o a.b=1", "rotoscope retry X"]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_fence_says_its_language_and_every_note_is_known(path):
    for block in blocks(path, "sh", "python", "yaml", "text", "console", "bash", ""):
        assert block.language in ("sh", "python", "yaml", "text"), block.name
        assert block.note in ("", *KINDS), block.name


def test_pages_are_found():
    assert len(PAGES) > 30
