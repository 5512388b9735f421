"""What holds for the repository as a whole: no machine of ours in it, no file too long, pins."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 400
MAX_BYTES = 2_000_000
ABSOLUTE_PATH = re.compile(r"(?<![\w./])/(?:work|root|home|Users|opt|workspace)/[\w.]")
REGISTRY = re.compile(
    r"\b(?:pypi|pythonhosted|anaconda|npmjs|debian|ubuntu|rubygems|crates)\.(?:org|com|io)\b"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")


def files(*patterns: str) -> list[Path]:
    """Files of the repository, committed or about to be; skips where git is not there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    try:
        done = subprocess.run([*command, *patterns], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    paths = (ROOT / name for name in done.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and path != Path(__file__)]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in files():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
            is_picture = line.lstrip().startswith('"image/png": "')  # in a notebook, as text
            match = pattern.search(line)
            if match and not is_picture:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    return found


def test_no_path_of_one_machine_is_named() -> None:
    assert lines_with(ABSOLUTE_PATH) == []


def test_no_package_registry_is_named() -> None:
    assert lines_with(REGISTRY) == []


def test_nothing_is_left_unfinished() -> None:
    assert lines_with(UNFINISHED) == []


def test_python_files_hold_one_idea() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {num_lines} lines"
        for path in files("*.py")
        if (num_lines := len(path.read_text().splitlines())) > MAX_LINES
    ]
    assert long == []


def test_no_file_is_large() -> None:
    assert [p.name for p in files() if p.stat().st_size > MAX_BYTES] == []


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    entries = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(entry) == 2 for entry in entries)
    return {canonical(name): version for name, version in entries}


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(name for extra in extras for name in extra)]
    names = {canonical(re.split(r"[\[<>=~! ;]", requirement)[0]) for requirement in needed}
    assert names - set(pins()) == set()


def test_opencv_packages_have_one_version() -> None:
    # They write into the same folder, so two versions would mix.
    assert len({version for name, version in pins().items() if name.startswith("opencv")}) == 1


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (ABSOLUTE_PATH, "see " + "/home" + "/ann/clip.mp4"),
        (REGISTRY, "https://" + "pypi" + ".org/simple"),
        (UNFINISHED, "# TO" + "DO: later"),
    ],
)
def test_the_checks_themselves_see_what_is_wrong(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)
