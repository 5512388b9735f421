"""Two runs on one store: neither is at what the other is at."""

import itertools
import subprocess
import sys
import threading
import time

import pytest

from rotoscope.pipeline.remote.generic import GenericObjects
from rotoscope.pipeline.store import remote_leases
from rotoscope.pipeline.store.leases import LocalLeases
from rotoscope.pipeline.store.remote_leases import RemoteLeases

_numbers = itertools.count()


@pytest.fixture
def remote():
    """Makes leases of several runs on one place in memory."""
    objects, made = GenericObjects("memory", f"leases-{next(_numbers)}"), []

    def make(**settings):
        made.append(RemoteLeases(objects, "leases", **{"beat_s": 0.05, "expiry_s": 0.4} | settings))
        return made[-1]

    make.objects = objects
    yield make
    for one in made:
        one.close()


@pytest.fixture(params=["local", "remote"])
def two(request, tmp_path, remote):
    if request.param == "local":
        return LocalLeases(tmp_path), LocalLeases(tmp_path)
    return remote(), remote()


def test_one_has_it_until_it_lets_go(two):
    one, other = two
    assert one.take("a")
    assert not other.take("a")
    assert other.take("b")
    one.drop("a")
    time.sleep(0.3)  # some signs of life
    assert other.take("a")


def test_a_thread_of_the_same_run_does_not_have_it_twice(two):
    assert two[0].take("a")
    assert not two[0].take("a")


def test_all_goes_when_a_run_ends(two):
    one, other = two
    assert one.take("a")
    one.close()
    assert other.take("a")


def test_of_many_at_the_same_moment_at_most_one_has_it(remote, tmp_path):
    for runs in ([remote() for _ in range(5)], [LocalLeases(tmp_path) for _ in range(5)]):
        for name in map(str, range(6)):
            got, start = [], threading.Barrier(len(runs))

            def race(run, name=name, got=got, start=start):
                start.wait()
                if run.take(name):
                    got.append(run)

            threads = [threading.Thread(target=race, args=(run,)) for run in runs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(got) <= 1


def test_lease_of_a_killed_process_is_free_at_once(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; "
        "from rotoscope.pipeline.store.leases import LocalLeases; "
        "leases = LocalLeases(Path(sys.argv[1])); print(leases.take('a'), flush=True); "
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout.readline().strip() == b"True"
    leases = LocalLeases(tmp_path)
    assert not leases.take("a")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert leases.take("a")


def test_run_that_gives_no_sign_of_life_loses_its_leases(remote, monkeypatch):
    monkeypatch.setattr(remote_leases, "has_ended", lambda whose: None)  # on another host
    dead, alive, other = remote(beat_s=1000.0), remote(), remote()
    assert dead.take("a")
    assert alive.take("b")
    deadline = time.monotonic() + 10
    while not other.take("a"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not other.take("b")


def test_run_whose_process_is_gone_loses_its_leases_at_once(remote, monkeypatch):
    dead, other = remote(beat_s=1000.0, expiry_s=1000.0), remote(expiry_s=1000.0)
    monkeypatch.setattr(remote_leases, "owner", lambda: "000000000000-1-1")
    assert dead.take("a")
    assert not other.take("a")
    monkeypatch.setattr(remote_leases, "has_ended", lambda whose: whose == "000000000000-1-1")
    time.sleep(0.1)
    assert other.take("a")


@pytest.mark.parametrize("jump_s", [1e6, -1e6])
def test_a_clock_that_jumps_frees_nothing(remote, monkeypatch, jump_s):
    one, other = remote(), remote()
    assert one.take("a")
    assert not other.take("a")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    time.sleep(0.2)
    assert not other.take("a")


def test_what_is_planned_is_taken_several_at_a_time(remote):
    one = remote(beat_s=1000.0)
    names = [f"{k:02d}" for k in range(16)]
    one.plan(names)
    written = []
    real = one._write
    one._write = lambda held: (written.append(len(held)), real(held))
    for name in names:
        assert one.take(name)
        one.drop(name)
    assert len(written) == 2


def test_damaged_lease_is_no_lease(remote):
    remote.objects.put("leases/x", b"\xff not json")
    assert remote().take("a")


def test_processes_of_one_run_are_no_company_but_do_not_share_work(remote):
    one, other, stranger = remote(run="r"), remote(run="r"), remote(run="s")
    assert one.take("a")
    assert not other.take("a")
    assert other.take("b")
    assert not other.has_company
    assert stranger.take("c")
    assert one.take("d")
    assert one.has_company


def test_taking_more_is_a_sign_of_life_too(remote):
    one = remote(beat_s=0.3)
    written = []
    real = one._write
    one._write = lambda held: (written.append(time.monotonic()), real(held))
    for name in "abcdef":
        assert one.take(name)
        time.sleep(0.1)
    assert len(written) == 6
