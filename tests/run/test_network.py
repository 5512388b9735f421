"""Children that decode reach no other machine; everything else of theirs works."""

import ctypes
import errno
import logging
import platform
import socket
import subprocess
import sys

import av
import pytest

from rotoscope.pipeline.run import isolation, network
from rotoscope.pipeline.run.isolation import Limits, run_isolated
from rotoscope.pipeline.run.network import network_protection

ME = __name__
GENEROUS = Limits(memory_bytes=2**31, stall_s=60, base_s=60, per_item_s=0)
needs_filter = pytest.mark.skipif(bool(network_protection()), reason="no filter on this system")


def connect(port, tell):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return 0
    except OSError as error:
        return error.errno


def connect_in_a_program(port, tell):
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    return done.stderr.strip().splitlines()[-1]


def families_refused(_, tell):
    refused = {}
    for name in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_UNIX"):
        try:
            socket.socket(getattr(socket, name), socket.SOCK_DGRAM).close()
            refused[name] = 0
        except OSError as error:
            refused[name] = error.errno
    return refused


def raw_calls(_, tell):
    """Error numbers of system calls that would go round the filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = {"io_uring": 425}
    if platform.machine() == "x86_64":
        numbers |= {"x32 socket": 0x40000000 + 41, "x32 getpid": 0x40000000 + 39}
    found = {}
    for name, number in numbers.items():
        ctypes.set_errno(0)
        libc.syscall(number, 2, 1, 0)
        found[name] = ctypes.get_errno()
    return found


def local_socket(_, tell):
    ours, theirs = socket.socketpair()
    ours.sendall(b"x")
    return theirs.recv(1)


def decode(path, tell):
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def value(work, argument=None, **options):
    answer = run_isolated(f"{ME}:{work}", argument, limits=GENEROUS, **options)
    assert answer.error is None, answer.error
    return answer.value


@needs_filter
def test_child_reaches_no_listener(port):
    assert value("connect", port) == errno.EACCES


@needs_filter
def test_what_a_child_starts_reaches_none_either(port):
    assert value("connect_in_a_program", port).startswith("PermissionError")


def test_child_that_may_reach_the_network_does(port):
    assert value("connect", port, has_network=True) == 0


@needs_filter
def test_every_family_but_the_local_one_is_refused():
    found = value("families_refused")
    assert found.pop("AF_UNIX") == 0
    assert set(found.values()) == {errno.EACCES}


@needs_filter
def test_ways_round_are_refused():
    assert set(value("raw_calls").values()) == {errno.EACCES}


def test_local_sockets_and_decoding_work(tmp_path):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 48
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 48, "rgb24")))
        container.mux(stream.encode(None))
    assert value("local_socket") == b"x"
    assert value("decode", str(path)) == 5


def test_run_itself_keeps_its_network(port):
    value("local_socket")
    assert connect(port, None) == 0


@pytest.mark.parametrize("machine", ["riscv64", ""])
def test_processor_without_a_filter_is_said(monkeypatch, machine):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert "no filter is known" in network_protection()
    assert "no filter is known" in network.leave_network()


def test_missing_protection_is_logged_once(caplog):
    caplog.set_level(logging.INFO, "rotoscope.pipeline.run.isolation")
    for _ in range(3):
        isolation._log_once("this system takes no seccomp filter (of this test)")
    assert [r.getMessage() for r in caplog.records].count(
        "children that decode are not kept off the network: "
        "this system takes no seccomp filter (of this test)"
    ) == 1
