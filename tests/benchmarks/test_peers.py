"""Peers that cannot be had are a sentence, not a crash."""

import pytest

from benchmarks._peers import PeerError, Peers, run_peer
from benchmarks._wheels import peers_root


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # Nothing may be looked for on the network.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path


def test_a_package_that_is_not_there_is_said_and_leaves_nothing(empty_cache):
    with pytest.raises(PeerError, match="no-such-package-of-ours"):
        run_peer(Peers("none", ("no-such-package-of-ours==1.0",)), "run_dexi_rs")
    assert list(peers_root().iterdir()) == []


def test_other_pins_mean_another_environment():
    first, second = Peers("a", ("x==1",)), Peers("a", ("x==2",))
    assert first.folder != second.folder
    assert first.folder == Peers("a", ("x==1",)).folder
    assert Peers("a", ("x==1",), alone=("y==1",)).folder != first.folder
