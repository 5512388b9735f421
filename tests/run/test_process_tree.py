import os
import subprocess
import sys

import pytest
from run.unruly import is_running, until

from rotoscope.pipeline.run import process_tree

SHELLS = "sleep 600 & sh -c 'sleep 600 & wait' & wait"


@pytest.fixture
def shell():
    with subprocess.Popen(["sh", "-c", SHELLS], start_new_session=True) as process:
        until(lambda: len(process_tree.tree(process.pid)) == 4)
        yield process
        process_tree.kill_tree(process.pid)


def test_tree_holds_all_descendants_parents_first(shell):
    first, *others = process_tree.tree(shell.pid)
    assert first == shell.pid
    assert set(process_tree.children(shell.pid)) == set(others[:2])
    assert process_tree.tree(os.getpid())[0] == os.getpid()
    assert set(others) < set(process_tree.tree(os.getpid()))


def test_system_without_lists_of_children_gives_the_same(shell):
    assert sorted(process_tree._children_the_long_way(shell.pid)) == sorted(
        process_tree.children(shell.pid)
    )
    assert process_tree._resident_the_long_way(shell.pid) == process_tree.resident_bytes(
        [shell.pid]
    )


def test_whole_tree_is_killed(shell):
    everyone = process_tree.tree(shell.pid)
    process_tree.kill_tree(shell.pid)
    shell.wait()
    until(lambda: not any(is_running(pid) for pid in everyone))


def test_process_that_is_gone_has_nothing_and_is_no_error():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert process_tree.children(gone.pid) == []
    assert process_tree.resident_bytes([gone.pid]) == 0
    assert process_tree.proportional_bytes([gone.pid]) == 0
    process_tree.kill_tree(gone.pid)


def test_shared_pages_are_split_among_their_holders(shell):
    everyone = process_tree.tree(shell.pid)
    assert 0 < process_tree.proportional_bytes(everyone) < process_tree.resident_bytes(everyone)


ORPHAN = """
import subprocess, sys
from rotoscope.pipeline.processes import PR_SET_CHILD_SUBREAPER, prctl
from rotoscope.pipeline.run import process_tree
prctl(PR_SET_CHILD_SUBREAPER, 1)
# What starts the sleeper ends at once; the sleeper has a session of its own.
told = subprocess.run(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"],
                      stdout=subprocess.PIPE, text=True, check=True).stdout
process_tree.kill_descendants()
print(told.strip())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to another")
def test_what_outlived_its_parent_is_killed_with_all_descendants():
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, check=True
    )
    sleeper = int(done.stdout)
    until(lambda: not is_running(sleeper))
