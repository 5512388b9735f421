"""What object storage costs: the same work from S3 as from a disk, requests, a long listing.

Ten real clips, `hand-gripper`, cold: once with videos, store and dataset on the disk, once with
all three in a bucket of a real server on loopback (moto). CPU of the command and its children; the
and the proxy that counts requests run elsewhere and are not counted. The listing is of 100,000
keys, pages of a thousand made up by a small server, in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks import _object_store as server
from benchmarks._clips import ten_clips
from benchmarks._processes import ROOT, Cost, one_thread, rotoscope, tree_digest
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.processes import safe_python

NUM_KEYS, PAGE = 100_000, 1000
PART_BYTES = 5_000_000
"""One more request a video is granted for each of these."""
_MEASURE = (
    "import json, sys; from dataclasses import asdict; "
    "from benchmarks._processes import measure; "
    "print(json.dumps(asdict(measure(sys.argv[1:]))))"
)
_LIST = (
    "import json, resource, sys, time; from pathlib import Path; "
    "from rotoscope.pipeline.sources import scan; "
    "from rotoscope.pipeline.remote.opened import open_objects; "
    "from rotoscope.pipeline.remote.urls import place_of; "
    "url = place_of('s3://bucket/in'); next(open_objects(place_of('s3://bucket/few')).listed('few'));"
    "cpu, kib = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
    "n = sum(1 for _ in open_objects(url).listed('in')) if sys.argv[1] == 'listed' "
    "else len(scan([url], 'video')); "
    "print(json.dumps([n, time.process_time() - cpu, "
    "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - kib]))"
)


def run() -> list[Figure]:
    """Measures all figures; takes about five minutes on two cores."""
    with tempfile.TemporaryDirectory() as name, server.moto_server() as address:
        root = Path(name)
        clips = ten_clips(root / "videos")
        server.make_bucket(address, "bucket")
        for clip in clips:
            server.put(address, "bucket", f"in/{clip.name}", clip.read_bytes())
        local = _label(root, root / "videos", root / "out", root / "store", {})
        with server.proxy_to(address) as proxy:
            env: dict[str, str] = {}
            server.use_server(env.__setitem__, proxy.address)
            urls = ("s3://bucket/in", "s3://bucket/out/ds", "s3://bucket/store")
            remote = _label(root, *urls, env)
            of_dataset = proxy.count("", "/bucket/out/") + proxy.count("", "prefix=out")
            of_videos = len(proxy.requests) - of_dataset
            proxy.requests.clear()
            again = _label(root, *urls, env)
            of_again = len(proxy.requests)
        same = _remote_digest(address) == tree_digest(root / "out")
        granted = sum(2 + clip.stat().st_size / PART_BYTES for clip in clips)
        files = len([p for p in (root / "out").rglob("*") if p.is_file()])
    return [
        Figure("object_store.cpu_over_disk", remote.cpu_s / local.cpu_s, "x", Bar("<=", 1.1)),
        Figure("object_store.disk_cpu", local.cpu_s, "s"),
        Figure("object_store.wall_over_disk", remote.wall_s / local.wall_s, "x"),
        Figure("object_store.same_bytes", float(same), "1", Bar("==", 1)),
        Figure("object_store.requests_a_video", of_videos / len(clips), "requests"),
        Figure("object_store.requests_over_granted", of_videos / granted, "x", Bar("<=", 1)),
        Figure("object_store.requests_a_file_of_the_dataset", of_dataset / files, "requests"),
        Figure("object_store.second_run_requests", of_again, "requests"),
        Figure("object_store.second_run_cpu", again.cpu_s / local.cpu_s, "x"),
        *_listing(),
    ]


def _label(root: Path, videos: object, out: object, store: object, env: dict[str, str]) -> Cost:
    command = rotoscope("label", videos, "--out", out, "--store", store)
    cost = _measured(command, env | {"ROTOSCOPE_CACHE": str(root / "cache")})
    if cost.exit_code != 0:
        raise SystemExit(f"the measured command failed ({cost.exit_code}):\n{cost.output}")
    return cost


def _measured(command: list[str], env: dict[str, str]) -> Cost:
    """In a process of its own, whose children are those of the command alone."""
    done = subprocess.run(
        [
            *safe_python(),
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {_MEASURE}",
            *command,
        ],
        env=os.environ | env | one_thread(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return Cost(**json.loads(done.stdout))


def _remote_digest(address: str) -> str:
    """As `tree_digest`, of the dataset in the bucket."""
    digest, prefix = hashlib.sha256(), "out/ds/"
    names = [key.removeprefix(prefix) for key in server.keys_of(address, "bucket", prefix)]
    for name in sorted(names, key=lambda n: Path(n).parts):
        digest.update(name.encode() + b"\0")
        digest.update(hashlib.sha256(server.read(address, "bucket", prefix + name)).digest())
    return digest.hexdigest()


def _listing() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        keys = _Keys()
        thread = threading.Thread(target=keys.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        env: dict[str, str] = {"ROTOSCOPE_CACHE": name}
        server.use_server(env.__setitem__, f"http://127.0.0.1:{keys.server_address[1]}")
        listed, found = (_list(how, env) for how in ("listed", "scan"))
        keys.shutdown()
        keys.server_close()
    if listed[0] != NUM_KEYS or found[0] != NUM_KEYS:
        raise SystemExit(f"{NUM_KEYS} keys were there, {listed[0]} and {found[0]} were found")
    return [
        Figure("object_store.listing_cpu", listed[1], "s", Bar("<=", 1.5)),
        Figure("object_store.listing_memory", listed[2] / 1024, "MiB", Bar("<=", 20)),
        Figure("object_store.videos_of_listing_cpu", found[1], "s"),
        Figure("object_store.videos_of_listing_memory", found[2] / 1024, "MiB"),
    ]


def _list(how: str, env: dict[str, str]) -> tuple[int, float, float]:
    """How many were found, CPU [s] and memory [KiB] that took."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {_LIST}"
    command = [*safe_python(), "-c", code, how]
    done = subprocess.run(
        command, env=os.environ | env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    num, cpu_s, kib = json.loads(done.stdout)
    return int(num), float(cpu_s), float(kib)


class _Keys(ThreadingHTTPServer):
    """Answers ListObjectsV2 alone: 100,000 videos in a thousand folders."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)


class _Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """One page."""
        asked = parse_qs(urlsplit(self.path).query)
        total = 1 if asked["prefix"][0].startswith("few") else NUM_KEYS
        start = int(asked.get("continuation-token", ["0"])[0])
        end = min(start + PAGE, total)
        lines = [
            f"<Contents><Key>{asked['prefix'][0]}{k // 100:04d}/clip-{k:06d}.mp4</Key>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{k:032x}"</ETag><Size>{2_000_000 + k}</Size></Contents>'
            for k in range(start, end)
        ]
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < total else ""
        data = (
            "<ListBucketResult><IsTruncated>"
            f"{str(end < total).lower()}</IsTruncated>{more}{''.join(lines)}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
