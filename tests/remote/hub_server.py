"""A stand-in for the Hub on loopback: repositories, commits of small files, and tags."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hub:
    files: dict[str, bytes] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    commits: int = 0
    private: bool | None = None
    repo: str = ""
    tokens: set[str] = field(default_factory=set)
    failures: list[int] = field(default_factory=list)
    """Statuses that the next requests get instead of an answer."""
    address: str = ""


@contextlib.contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def answer(self, facts: object, status: int = 200, **headers: str) -> None:
            data = json.dumps(facts).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hub.tokens.add(self.headers.get("Authorization", ""))
            if hub.failures:
                self.answer({"error": "not now"}, hub.failures.pop(0))
                return
            path = self.path.partition("?")[0]
            if path == "/api/repos/create":
                facts = json.loads(body)
                hub.repo = f"{facts['organization']}/{facts['name']}"
                hub.private = facts.get("private") or facts.get("visibility") == "private"
                self.answer({"url": f"{hub.address}/datasets/{hub.repo}"})
            elif path.endswith("/preupload/main"):
                found = json.loads(body)["files"]
                modes = [{"path": f["path"], "uploadMode": "regular"} for f in found]
                self.answer({"files": [m | {"shouldIgnore": False, "oid": None} for m in modes]})
            elif path.endswith("/commit/main"):
                for line in body.decode().splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        value = entry["value"]
                        hub.files[value["path"]] = base64.b64decode(value["content"])
                hub.commits += 1
                where = f"{hub.address}/datasets/{hub.repo}/commit/{'0' * 40}"
                self.answer({"success": True, "commitOid": "0" * 40, "commitUrl": where})
            elif "/tag/" in path and self.command == "DELETE":
                tag = path.rpartition("/")[2]
                if tag in hub.tags:
                    hub.tags.remove(tag)
                    self.answer({})
                else:
                    self.answer({"error": "x"}, 404, X_Error_Code="RevisionNotFound")
            elif "/tag/" in path:
                hub.tags.append(json.loads(body)["tag"])
                self.answer({})
            else:
                self.answer({"sha": "0" * 40, "id": hub.repo, "siblings": []})

        do_GET = do_POST = do_DELETE = do_HEAD = any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
