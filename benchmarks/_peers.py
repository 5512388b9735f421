"""The field's own tools, each set in a Python environment of its own.

Environments are built from the package index on first use and kept in the user's cache. They see
this environment's packages after their own, so that torch is not downloaded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._processes import one_thread
from benchmarks._wheels import peers_root
from rotoscope.pipeline.assets.archives import pip_environment
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import safe_python

_SCRIPTS = Path(__file__).parent / "_peer_scripts"
_BUILD_LIMIT_S = 1200.0
_NEEDED_BYTES = 3 * 2**30


class PeerError(RotoscopeError):
    """A peer that cannot be installed or run here. Its figures are left out; ours stay."""


@dataclass(frozen=True)
class Peers:
    """Packages that are installed together."""

    name: str
    """Begins the environment's folder name."""
    packages: tuple[str, ...]
    """Pinned requirements."""
    alone: tuple[str, ...] = ()
    """Requirements installed without what they say they need, because it is here already."""

    @property
    def folder(self) -> Path:
        """Where the environment lies: another for other pins and for another host."""
        pins = "\n".join((*self.packages, "", *self.alone, sys.version, _host_packages()))
        digest = hashlib.sha256(pins.encode()).hexdigest()
        return peers_root() / f"{self.name}-{digest[:12]}"


HAND_PEERS = Peers(
    "hands",
    (
        *("dex_retargeting==0.5.0", "dexi-rs==0.4.1", "six==1.17.0", "numpy==2.2.6"),
        *("nlopt==2.11.0", "pin==4.1.0", "pytransform3d==3.17.0", "anytree==2.13.0"),
    ),
)
BODY_PEERS = Peers(
    "bodies",
    (
        *("mujoco==3.3.7", "numpy==2.3.5", "scipy==1.18.1", "cvxpy==1.9.3", "libigl==2.6.3"),
        *("trimesh==5.2.0", "viser==1.1.1", "yourdfpy==0.0.60", "tyro==1.0.17"),
        *("robot_descriptions==3.3.0", "tqdm==4.70.1", "jinja2==3.1.6"),
    ),
    alone=("holosoma-retargeting==0.1.0",),
)

GMR_PEERS = Peers(
    "gmr",
    (
        *("mink==1.2.0", "mujoco==3.8.1", "daqp==0.11.0", "qpsolvers==4.13.0", "rich==15.0.0"),
        *("numpy==2.2.6", "scipy==1.18.1"),
    ),
)
"""What GMR needs; GMR itself is on no package index: `gmr_checkout` says where it is."""


def gmr_checkout() -> Path:
    """A clone of github.com/YanjieZe/GMR, which `ROTOSCOPE_GMR` names.

    Raises:
        PeerError: None is named, or it is none.
    """
    named = os.environ.get("ROTOSCOPE_GMR", "")
    folder = Path(named)
    if not named or not (folder / "general_motion_retargeting").is_dir():
        raise PeerError(
            "GMR is on no package index: clone github.com/YanjieZe/GMR and name the folder with "
            f"ROTOSCOPE_GMR, which is {named!r}"
        )
    return folder.resolve()


def run_peer(peers: Peers, script: str, *arguments: object, limit_s: float = 900.0) -> Any:
    """What a script of `_peer_scripts` writes as JSON to the path that is its last argument.

    Builds the environment where it is not there yet. Scripts run on one thread.

    Raises:
        PeerError: The environment cannot be built, or the script fails or takes too long.
    """
    python = _build(peers)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.json"
        command = [str(python), str(_SCRIPTS / f"{script}.py"), *map(str, arguments), str(out)]
        _call(command, limit_s, environment=os.environ | one_thread(), folder=Path(scratch))
        return json.loads(out.read_text())


def _build(peers: Peers) -> Path:
    """The environment's interpreter."""
    folder = peers.folder
    if not folder.is_dir():
        _require_space(folder.parent)
        print(f"building the environment of {', '.join((*peers.alone, *peers.packages[:2]))}")
        scratch = Path(tempfile.mkdtemp(prefix=f".{peers.name}-", dir=folder.parent))
        try:
            _install(peers, scratch)
            # Renamed whole, so that an interrupted build is never taken for a finished one.
            if not folder.is_dir():
                scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder / "bin" / "python"


def _install(peers: Peers, folder: Path) -> None:
    _call([*safe_python(), "-m", "venv", "--without-pip", str(folder)], _BUILD_LIMIT_S)
    pip = [*safe_python(), "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    pip += ["--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"]
    environment = pip_environment()
    _call([*pip, *peers.packages], _BUILD_LIMIT_S, environment=environment)
    if peers.alone:
        _call([*pip, "--no-deps", *peers.alone], _BUILD_LIMIT_S, environment=environment)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A `.pth` path comes after the environment's own packages, which therefore win.
    (packages / "host.pth").write_text(_host_packages() + "\n")


def _host_packages() -> str:
    return sysconfig.get_paths()["purelib"]


def _require_space(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise PeerError(
            f"{free / 2**30:.1f} GiB are free in {folder}, and the peers need "
            f"{_NEEDED_BYTES / 2**30:.0f} GiB; free some space"
        )


def _call(
    command: list[str],
    limit_s: float,
    *,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"`{' '.join(command)}` took longer than {limit_s:.0f} s") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = "; ".join(said[-3:]) or "it said nothing"
        raise PeerError(f"`{' '.join(command)}` ended with {done.returncode}: {reason}")
