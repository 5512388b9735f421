"""Takes the network from a process: whoever breaks into a decoder reaches no other machine.

A seccomp filter refuses every new socket except those between processes of this machine
(`AF_UNIX`). It needs no privileges, costs nanoseconds a call, and cannot be taken off again; what
the process starts inherits it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from dataclasses import dataclass

from rotoscope.pipeline.processes import PR_SET_NO_NEW_PRIVS, prctl

_AF_UNIX, _EACCES = 1, 13
_IO_URING_SETUP = 425
_X32_BIT = 0x4000_0000

# linux/seccomp.h
_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_FLAG_SPEC_ALLOW = 4
_ALLOW, _REFUSE, _KILL_PROCESS = 0x7FFF_0000, 0x0005_0000 | _EACCES, 0x8000_0000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16

# linux/bpf_common.h: load a word, jump if equal, jump if greater or equal, return.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06


@dataclass(frozen=True)
class _Machine:
    """What a filter must know of a processor: linux/audit.h and its system call table."""

    audit_architecture: int
    seccomp: int
    socket: int
    has_x32: bool


_MACHINES = {
    "x86_64": _Machine(0xC000_003E, seccomp=317, socket=41, has_x32=True),
    "aarch64": _Machine(0xC000_00B7, seccomp=277, socket=198, has_x32=False),
}


def network_protection() -> str:
    """Why children that decode cannot be kept off the network here; empty where they can."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return f"no filter is known for {platform.system()} on {platform.machine()}"
    action = ctypes.c_uint32(_REFUSE & 0xFFFF_0000)
    if _seccomp(machine, _GET_ACTION_AVAIL, 0, ctypes.byref(action)) != 0:
        return f"this system takes no seccomp filter ({os.strerror(ctypes.get_errno())})"
    return ""


def leave_network() -> str:
    """Takes the network from this process for good; gives the reason where that fails."""
    reason = network_protection()
    if reason:
        return reason
    machine = _MACHINES[platform.machine()]
    # Without this promise the kernel takes filters from the superuser alone.
    if not prctl(PR_SET_NO_NEW_PRIVS, 1):
        return "this system does not let a process give up new privileges"
    program = _program(machine)
    code = ctypes.create_string_buffer(program)
    header = _Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    # Older kernels slow a filtered process down unless told that it is no sandbox for scripts.
    for flags in (_FLAG_SPEC_ALLOW, 0):
        if _seccomp(machine, _SET_MODE_FILTER, flags, ctypes.byref(header)) == 0:
            return ""
    return f"the seccomp filter was refused ({os.strerror(ctypes.get_errno())})"


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _seccomp(machine: _Machine, operation: int, flags: int, argument: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(ctypes.c_long(machine.seccomp), operation, flags, argument))


def _program(machine: _Machine) -> bytes:
    """The filter in the kernel's BPF; jumps count the instructions that are skipped."""
    refuse_x32 = [_code(_IF_AT_LEAST, _X32_BIT, 5, 0)] if machine.has_x32 else []
    lines = [
        _code(_LOAD, _ARCHITECTURE_AT),
        _code(_IF_EQUAL, machine.audit_architecture, 1, 0),
        _code(_RETURN, _KILL_PROCESS),  # numbers mean other calls there
        _code(_LOAD, _NUMBER_AT),
        *refuse_x32,
        _code(_IF_EQUAL, _IO_URING_SETUP, 4, 0),  # its rings open sockets without a call
        _code(_IF_EQUAL, machine.socket, 0, 2),
        _code(_LOAD, _FIRST_ARGUMENT_AT),
        _code(_IF_EQUAL, _AF_UNIX, 0, 1),
        _code(_RETURN, _ALLOW),
        _code(_RETURN, _REFUSE),
    ]
    return b"".join(lines)


def _code(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
