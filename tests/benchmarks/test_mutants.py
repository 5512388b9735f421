"""What is mutated, what is left alone, and that a mutant is seen by a test and stands nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray")

from benchmarks.mutants.mutate import mutants, sampled
from benchmarks.mutants.table import MODULES

ROOT = Path(__file__).resolve().parents[2]


def changes(source):
    """What stands in the changed line of each mutant."""
    before = source.splitlines()
    found = set()
    for mutant in mutants(source):
        after = mutant.source.splitlines()
        (line,) = [b.strip() for a, b in zip(before, after, strict=True) if a != b]
        found.add(" ".join(line.split()))
    return found


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("rank = n + 1", {"rank = n - 1", "rank = n + 0", "rank = n + 2"}),
        ("limit = 0.5", {"limit = 0.6", "limit = 0.4"}),
        ("start = np.floor(x)", {"start = np.ceil(x)"}),
        ("last = names[-1]", {"last = names[1]", "last = names[- 2]", "last = names[- 0]"}),
        ("late = a > b", {"late = a >= b", "late = a < b"}),
        ("y = ~mask", {"y = mask"}),
    ],
)
def test_slips_that_once_survived_are_made(line, wanted):
    assert changes(f"{line}\n") == wanted


@pytest.mark.parametrize(
    "source",
    [
        'def f(x: int | None = None) -> "A | B":\n    """Of 3 + 4."""\n    return x\n',
        '@dataclass(frozen=True, eq=False)\nclass A:\n    x: Float[np.ndarray, "4"]\n',
        "def f(a, /, b, *, c):\n    return a\n",
        'raise ValueError(f"got {n + 1}, allowed {2 * n}")\n',
        'text = f"{share:.1f} of {n + 1}"\n',
        "pairs = zip(a, b, strict=True)\n",
        "x = solve(a, b, check_finite=False)\n",
        "tiny = 1e-12\n",
    ],
)
def test_what_computes_nothing_is_left_alone(source):
    assert changes(source) == set()


def test_a_sample_is_the_same_each_time_and_another_with_another_seed():
    source = "total = a + 2 * b - 3 / c\n" * 4
    one, num_places = sampled(source, 10, 0)
    assert len(one) == 10 < num_places
    assert one == sampled(source, 10, 0)[0]
    assert one != sampled(source, 10, 1)[0]
    assert len(sampled(source, 10**6, 0)[0]) == num_places


def test_every_module_and_its_tests_are_there():
    named = [*MODULES, *(test for tests in MODULES.values() for test in tests)]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_a_mutant_dies_by_its_tests_and_leaves_no_trace(tmp_path):
    """In a process of its own: modules must be loaded where shapes are checked."""
    module = tmp_path / "half.py"
    module.write_text("def half(x):\n    return x / 2\n")
    (tmp_path / "test_half.py").write_text(
        f"import sys\n\nsys.path.insert(0, {str(tmp_path)!r})\nfrom half import half\n\n\n"
        "def test_half():\n    assert half(6) == 3\n"
    )
    script = (
        "from pathlib import Path\n"
        "from benchmarks.mutants.trial import verdict\n"
        f"path, tests = Path({str(module)!r}), ({str(tmp_path / 'test_half.py')!r},)\n"
        "good = path.read_text()\n"
        "loop = good.replace('return', 'while True: pass\\n    return')\n"
        "for source, limit_s in ((good.replace('2', '3'), 60), (good.replace('/', '//'), 60), "
        "(loop, 1)):\n"
        "    print('verdict', verdict(tests, path, source, limit_s))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("verdict")]
    assert said == ["killed", "survived", "timeout"]
    assert module.read_text().endswith("x / 2\n")
