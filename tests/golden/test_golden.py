"""A stage's output is what it was, or its version is another: the store relies on it."""

import pytest
from golden_cases import CASES, NO_STAGE, digest_now, kind_of, load, version_now, where_bumped
from golden_digest import differences

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.registry import BUILT_IN, stage_class
from rotoscope.pipeline.stage import matches
from rotoscope.pipeline.tracks import Track

TRACKS = frozenset(track.__name__ for track in Track.__subclasses__())
WRITE = "python tests/golden/write.py"


@pytest.mark.parametrize("kind", [*BUILT_IN, *NO_STAGE])
def test_everything_that_is_stored_has_a_golden_of_its_version(kind):
    assert kind in CASES, f"{kind} has no case in tests/golden: add one, then {WRITE} {kind}"
    for name in (name for name in CASES if kind_of(name) == kind):
        golden = load(name)
        assert golden is not None, f"{name} has no golden: {WRITE} {kind}"
        assert golden["version"] == version_now(name), (
            f"{name} is of version {version_now(name)}, its golden of {golden['version']}: {WRITE} "
            f"{kind}"
        )


@pytest.mark.parametrize("name", sorted(CASES))
def test_output_is_what_it_was_in_this_version(name):
    golden = load(name)
    assert golden is not None, f"{name} has no golden: {WRITE} {kind_of(name)}"
    try:
        found = digest_now(name)
    except AssetError as error:
        pytest.skip(str(error))
    changed = differences(golden["digest"], found, rtol=CASES[name].rtol)
    assert not changed, (
        f"the output of {name} is another one than in version {golden['version']}; what the store "
        f"holds would be taken for it: bump the {where_bumped(name)}, then {WRITE} "
        f"{kind_of(name)}\n  " + "\n  ".join(changed[:10])
    )


@pytest.mark.parametrize("name", sorted(name for name in CASES if kind_of(name) in BUILT_IN))
def test_tracks_are_those_that_the_stage_says_it_provides(name):
    """Keys of later stages follow what a stage says that it provides, not what it gives."""
    golden, provides = load(name), stage_class(kind_of(name)).provides
    assert golden is not None
    entries = golden["digest"].items()
    made = {p.rpartition(": ")[2] for p, v in entries if isinstance(v, str) and v in TRACKS}
    assert made or name == "label.pixels"  # of which the numbers alone are kept
    for track in sorted(made):
        assert any(matches(track, given) for given in provides), f"{track} is not of {provides}"
