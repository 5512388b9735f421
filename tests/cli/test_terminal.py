"""What is printed is printed as it is, on whatever terminal, disk or pipe."""

import ast
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rotoscope.cli.streams import LastingOutput
from rotoscope.cli.terminal import Terminal, printable

ROOT = Path(__file__).parents[2]
NAMES = [
    "Cup trick [dQw4w9WgXcQ].mp4",
    "[bold]a[/bold].mp4",
    "b[/b].mp4",
    "[/].mp4",
    ":smile:.mp4",
    "a\\[b].mp4",
    "https://example.org 12.5 'quoted'.mp4",
    "x" * 400 + ".mp4",
]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"


def run(arguments, *, cwd, stdout=subprocess.PIPE, shell=None, **changes):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONUTF8", "PYTHONIOENCODING")}
    env |= {"PYTHONPATH": str(ROOT), "ROTOSCOPE_STORE": str(cwd / "store")} | changes
    command = [sys.executable, "-m", "rotoscope.cli.main", *arguments]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    return subprocess.run(
        command, cwd=cwd, env=env, stdout=stdout, stderr=subprocess.PIPE, check=False
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_in_lines_and_tables_stand_as_they_are(name):
    out = io.StringIO()
    console = Terminal()
    console.file = out
    console.say(f"done {name}", style="red")
    console.table(("file", "what [b]it[/b] is"), [(name, 3)])
    said = out.getvalue()
    assert said.count(name) == 2
    assert "what [b]it[/b] is" in said
    assert "\N{HORIZONTAL ELLIPSIS}" not in said


def test_control_characters_are_written_out():
    out = io.StringIO()
    console = Terminal()
    console.file = out
    console.say("a\x1b[31mred\x1b]0;title\x07\rb\u202etxt")
    assert out.getvalue() == r"a\x1b[31mred\x1b]0;title\x07\rb\u202etxt" + "\n"
    assert printable("one\ntwo\tthree é 日本") == "one\ntwo\tthree é 日本"


def test_nothing_else_makes_a_console_or_prints():
    wrong = []
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        if path.name == "terminal.py" and path.parent.name == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rich":
                names = [alias.name for alias in node.names if alias.name not in ("Live", "Text")]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.split(".")[0] == "rich"]
            elif isinstance(node, ast.Call) and "cli" in path.parts:
                called = ast.unparse(node.func)
                names = [called] if called in ("print", "Text.from_markup") else []
            wrong += [f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in names]
    assert wrong == []


PLAIN_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "changes",
    [PLAIN_LOCALE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
    ids=["C", "ascii", "latin-1"],
)
def test_terminal_without_unicode_ends_no_command(tmp_path, changes):
    for arguments in (["--help"], ["recipes"], ["assets", "list"]):
        done = run(arguments, cwd=tmp_path, **changes)
        assert done.returncode == 0, done.stderr
        done.stdout.decode(changes.get("PYTHONIOENCODING", "ascii"))
    done = run(["status", "smile \N{GRINNING FACE}"], cwd=tmp_path, **changes)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"smile" in done.stderr


def test_full_disk_is_one_sentence_and_a_closed_pipe_is_silent(tmp_path):
    full = run(["assets", "list"], cwd=tmp_path, shell="> /dev/full")
    assert full.returncode == 1
    assert full.stderr.decode() == (
        "rotoscope: not all output could be written: No space left on device\n"
    )
    # The reader is gone before the command starts: `| true` may still be there when it writes.
    read_end, write_end = os.pipe()
    os.close(read_end)
    broken = run(["assets", "list"], cwd=tmp_path, stdout=write_end)
    os.close(write_end)
    assert (broken.returncode, broken.stderr) == (128 + signal.SIGPIPE, b"")


def test_closed_streams_end_no_command(tmp_path):
    done = run(["assets", "list"], cwd=tmp_path, shell=">&- 2>&- <&-")
    assert done.returncode == 0


def test_what_follows_a_failed_write_is_dropped():
    stream = LastingOutput(os.open("/dev/full", os.O_WRONLY))
    assert stream.write(b"abc") == 3
    assert stream.lost is not None
    assert stream.write(b"more") == 4


def test_version_is_quick_and_loads_nothing(tmp_path):
    for option in ("--version", "-V"):
        done = run([option], cwd=tmp_path)
        assert done.stdout.decode().startswith("rotoscope 0.")
    code = (
        "import sys, rotoscope.cli.main; "
        "print({'numpy', 'yaml', 'pydantic', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
