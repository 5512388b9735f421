# ruff: noqa: E501 - an attack a line
"""Stages of users' own that do what no stage should: a row, and the others go on."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks._processes import adopt_orphans
from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import STAGES, Ground, left_over, write_clip
from rotoscope.pipeline.run import process_tree

UNRULY: dict[str, str] = {
    "fork_daemon": "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0: time.sleep(300)\n os._exit(0)",
    "popen_session": "subprocess.Popen(['sleep', '300'], start_new_session=True)",
    "thread_for_ever": "threading.Thread(target=time.sleep, args=(300,)).start()",
    "atexit_for_ever": "import atexit; atexit.register(time.sleep, 300)",
    "del_for_ever": "global K\nclass K:\n def __del__(s): time.sleep(300)\nK = K()",
    "ignore_signals": "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3, 13, 14, 15)]; time.sleep(300)",
    "block_signals": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(300)",
    "hold_interpreter": "ctypes.PyDLL(None).sleep(300)",
    "stop_itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "close_fds": "os.closerange(0, 256)",
    "close_high_fds": "os.closerange(3, 256)",
    "dup_over_fds": "[os.dup2(os.open('/dev/null', os.O_RDWR), n) for n in range(3, 40)]",
    "change_folder": "os.chdir('/proc')",
    "change_mask": "os.umask(0o777)",
    "change_environment": "os.environ.clear()",
    "change_locale": "import locale; locale.setlocale(locale.LC_ALL, 'C'); os.environ['TZ']='X9'; time.tzset()",
    "limit_files": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))",
    "limit_sizes": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))",
    "write_megabytes": "os.write(1, b'x\\n' * 5_000_000); os.write(2, b'\\xff' * 5_000_000)",
    "print_to_closed": "sys.stdout.close(); sys.stderr = None",
    "open_socket": "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
    "listen": "import socket; socket.create_server(('', 0))",
    "exit_0": "os._exit(0)",
    "exit_7": "os._exit(7)",
    "sys_exit": "sys.exit()",
    "sys_exit_0": "sys.exit(0)",
    "sys_exit_text": "sys.exit('[/red] bye')",
    "base": "raise BaseException('base')",
    "interrupt": "raise KeyboardInterrupt",
    "generator_exit": "raise GeneratorExit",
    "stop_iteration": "raise StopIteration",
    "str_raises": "class E(Exception):\n def __str__(s): raise RuntimeError('no')\nraise E",
    "str_no_text": "class E(Exception):\n def __str__(s): return 3\nraise E",
    "repr_raises": "class E(Exception):\n def __repr__(s): raise SystemExit\n __str__ = __repr__\nraise E",
    "not_picklable": "raise ValueError(lambda: 1, threading.Lock(), open('/dev/null'))",
    "huge_message": "raise ValueError('m' * 50_000_000)",
    "surrogates": "raise ValueError('\\udcff\\ud800 \\x1b[2J [/red]')",
    "own_module_name": "class E(Exception): __module__ = None\nraise E('x')",
    "group": "raise BaseExceptionGroup('g', [KeyboardInterrupt()])",
    "chain": "e = ValueError('x'); e.__cause__ = e; raise e",
    "recursion": "(lambda f: f(f))(lambda f: f(f))",
    "recursion_native": "import json; sys.setrecursionlimit(10**9); f = lambda: f(); f()",
    "segfault": "ctypes.string_at(1)",
    "abort": "os.abort()",
    "memory_error": "raise MemoryError",
    "replace_builtins": "import builtins; builtins.len = None",
    "stop_collecting": "import gc; gc.disable(); sys.setswitchinterval(1000)",
    "profile": "sys.settrace(lambda *a: 1 / 0)",
    "fake_error": "from rotoscope.pipeline.errors import RotoscopeError\nclass Mine(RotoscopeError): pass\nraise Mine('mine')",
    "kill_server": "os.kill(os.getppid(), signal.SIGKILL)",
    "stop_server": "os.kill(os.getppid(), signal.SIGSTOP)",
    "kill_group": "os.killpg(0, signal.SIGKILL)",
    "kill_term_group": "os.killpg(0, signal.SIGTERM); time.sleep(300)",
    "return_none": "return None",
    "return_list": "return [1]",
    "return_numbers": "return {'bright': 3}",
    "return_keys": "return {3: ClockTrack(time_s=np.zeros(32))}",
    "return_other": "return {'shots': ClockTrack(time_s=np.zeros(32))}",
    "return_nothing": "return {}",
    "return_short": "return {'bright': ClockTrack(time_s=np.zeros(3))}",
    "return_nan": "return {'bright': ClockTrack(time_s=np.full(32, np.nan))}",
    "return_inf": "return {'bright': ClockTrack(time_s=np.full(32, np.inf))}",
    "return_huge": "return {'bright': ClockTrack(time_s=np.zeros(400_000_000))}",
    "return_objects": "return {'bright': ClockTrack(time_s=np.array([object()] * 32))}",
    "return_complex": "return {'bright': ClockTrack(time_s=np.zeros(32, complex))}",
    "return_texts": "return {'bright': ClockTrack(time_s=np.array(['x'] * 32))}",
    "return_lambda": "return {'bright': lambda: 1}",
    "return_class": "return {'bright': ClockTrack}",
    "return_bad_name": "return {'../../x': ClockTrack(time_s=np.zeros(32)), 'bright': ClockTrack(time_s=np.zeros(32))}",
}
"""What `finish` of a frame stage does, by the name of the video that it does it to."""
RETURNED = ("", "TrackError", "MemoryLimitError", "KeyError")
"""What may be said of what a stage returned; a later stage misses what was not."""
FINE = "fine"
HEAD = """
import ctypes, os, signal, subprocess, sys, threading, time
import numpy as np
from rotoscope.pipeline.registry import stage_class
from rotoscope.pipeline.tracks import ClockTrack

class Unruly(stage_class({base!r}, allow_code=True)):
    def begin(self, video):
        super().begin(video)
        self.name = video.path.stem

    def finish(self, time_s):
        do = DO.get(self.name)
        made = do() if do else None
        return super().finish(time_s) if made is None and self.name != 'return_none' else made

"""


@attack("processes")
def stages_that_misbehave(ground: Ground) -> Iterator[Finding]:
    """Each on a video of its own, in one run; then the machine is looked at."""
    adopt_orphans()
    before = set(process_tree.tree(os.getpid()))
    for number, name in enumerate([*UNRULY, FINE, "zz-fine"]):
        write_clip(ground.videos / f"{name}.mp4", frames=32, level=20 + number)
    text = HEAD.format(base=f"{STAGES}:Bright")
    for name, body in UNRULY.items():
        text += f"def {name}():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    text += "DO = {" + ", ".join(f"{n!r}: {n}" for n in UNRULY) + "}\n"
    own = ground.folder / "own.py"
    own.write_text(text)
    ground.write_recipe(
        ground.recipe,
        *(f"{own}:Unruly as bright", f"{STAGES}:Lamp as lamp", "curate"),
        limits={"stall_s": 4.0, "base_s": 20.0, "memory_gib": 1.0},
    )
    done = ground.label("--workers", "4", limit_s=300)
    # It shows the tracebacks of the user's own stages, on purpose; so does status.
    yield Finding("the run", "held" if done.code == 1 else "lost", done.said[-500:])
    left = left_over(before)
    yield Finding("processes left after 5 s", "wrong" if left else "held", str(left))
    for pid in left:
        process_tree.kill_tree(pid)
    rows = ground.rows()
    status = ground.run("status", "out")
    yield Finding("status", "held" if status.code == 1 else "traceback", status.said[-300:])
    for name in (*UNRULY, FINE, "zz-fine"):
        row = rows.get(f"{name}.mp4")
        if row is None:
            yield Finding(name, "lost", "no row")
        elif row.status not in ("done", "empty", "failed") or (
            name.endswith(FINE) and row.status != "done"
        ):
            yield Finding(name, "lost", f"{row.status}: {row.message[:300]}")
        elif "this is a defect" in row.message:
            yield Finding(name, "traceback", row.message[:300])
        elif name.startswith("return_") and row.error not in RETURNED:
            yield Finding(name, "wrong", f"{row.error}: {row.message[:300]}")
        elif len(row.message) > 30_000:
            yield Finding(name, "wrong", f"a message of {len(row.message)} characters")
        else:
            yield Finding(name, "held", row.message[:200])


ACTIONS: dict[str, str] = {
    "confidence_above": "confidence=np.full(n, 7.0)",
    "confidence_nan": "confidence=np.full(n, np.nan)",
    "confidence_negative": "confidence=np.full(n, -1.0)",
    "confidence_short": "confidence=np.ones(n - 1)",
    "reason_unknown": "reason=np.full(n, 200, np.uint8)",
    "reason_float": "reason=np.full(n, np.nan)",
    "valid_numbers": "valid=np.full(n, 3)",
    "valid_floats": "valid=np.full(n, 0.5)",
    "values_huge": "values=np.full((n, 1), 1e300)",
    "values_flat": "values=np.zeros(n)",
    "values_wide": "values=np.zeros((n, 3))",
    "values_big_integers": "values=np.full((n, 1), 2**62)",
    "values_booleans": "values=np.ones((n, 1), bool)",
    "values_half": "values=np.full((n, 1), 6e4, np.float16)",
    "subject_path": "subject='../../../../x'",
    "subject_number": "subject=3",
    "subject_surrogate": "subject=chr(0xdcff)",
    "labeler_none": "labeler=None",
    "contract_none": "contract=None",
    "contract_rate": "contract=c.model_copy(update={'rate_hz': 0.0})",
    "contract_nan": "contract=c.model_copy(update={'rate_hz': float('nan')})",
    "contract_shift": "contract=c.model_copy(update={'shift_s': 1e9})",
    "contract_past": "contract=c.model_copy(update={'shift_s': -1e9})",
    "base_wrong": "T_camera_base=np.zeros((2, 2))",
    "base_nan": "T_camera_base=np.full((4, 4), np.nan)",
    "error_text": "target_error_m=np.zeros((n, 4))",
    "ee_nan": "ee_values=np.full((n, 7), np.nan)",
}
"""What the track of actions is changed to."""
ODD_HEAD = """
import numpy as np
from rotoscope.pipeline.registry import stage_class

class Odd(stage_class({base!r}, allow_code=True)):
    def run(self, clip, tracks):
        made = super().run(clip, tracks)
        name, n = clip.video.path.stem, clip.num_frames
        track = made["actions.lamp.scene"]
        c = track.contract
        if name in DO:
            made["actions.lamp.scene"] = track.replace(**DO[name](n, c))
        return made

"""


@attack("processes")
def actions_that_make_no_sense(ground: Ground) -> Iterator[Finding]:
    """A labeler of a user's own says what no robot can do: a row, or a dataset that is sound."""
    for number, name in enumerate([*ACTIONS, FINE]):
        write_clip(ground.videos / f"{name}.mp4", frames=32, level=20 + number)
    own = ground.folder / "own.py"
    cases = ", ".join(f"{n!r}: lambda n, c: dict({change})" for n, change in ACTIONS.items())
    own.write_text(ODD_HEAD.format(base=f"{STAGES}:Lamp") + f"DO = {{{cases}}}\n")
    ground.write_recipe(ground.recipe, f"{STAGES}:Bright as bright", f"{own}:Odd as lamp", "curate")
    done = ground.label("--workers", "2")
    rows = ground.rows()
    is_there = (ground.out / "meta" / "info.json").is_file()
    yield ground.judge("dataset", done, "" if is_there else done.said[-600:], as_="lost")
    for name in ACTIONS:
        row = rows[f"{name}.mp4"]
        wrong = "this is a defect" in row.message
        yield Finding(name, "traceback" if wrong else "held", row.message[:300])
    doctor = ground.run("doctor", "--verify", ground.out)
    named = {n: rows[f"{n}.mp4"].status for n in ACTIONS}
    passed = [n for n, status in named.items() if status == "done"]
    wrong = f"{passed} are in {doctor.said[-800:]}" if doctor.code else ""
    yield ground.judge("doctor", doctor, wrong)
