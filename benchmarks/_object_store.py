"""A real object store on loopback (moto), and a proxy before it that counts requests and fails."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rotoscope.pipeline.processes import safe_python

REGION = "us-east-1"
KEY_ID, SECRET = "a-key-id-of-tests", "a-secret-of-tests-that-nobody-may-see"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def moto_server(port: int = 0) -> Iterator[str]:
    """The address of a server that is up."""
    port = port or free_port()
    server = subprocess.Popen(
        [*safe_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the object store did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def use_server(set_variable: Callable[[str, str], None], address: str) -> None:
    """Sets the variables by which all tools of S3 find a server."""
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }.items():
        set_variable(name, value)


def put(address: str, bucket: str, key: str, data: bytes) -> None:
    """Writes an object by another client than ours, whatever its key."""
    _client(address).put_object(Bucket=bucket, Key=key, Body=data)


def make_bucket(address: str, bucket: str) -> None:
    _client(address).create_bucket(Bucket=bucket)


def keys_of(address: str, bucket: str, prefix: str = "") -> list[str]:
    found = _client(address).list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", ())]


def read(address: str, bucket: str, key: str) -> bytes:
    return bytes(_client(address).get_object(Bucket=bucket, Key=key)["Body"].read())


@lru_cache(maxsize=4)
def _client(address: str):
    import botocore.session

    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )


@dataclass
class Proxy:
    """Stands before a server; what `fail` says of a request is done to it instead."""

    target: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path with query, in order."""
    answered: list[tuple[str, int]] = field(default_factory=list)
    """Path with query, and bytes of what a GET was answered with, in order."""
    fail: Callable[[str, str, int], str] = lambda method, path, number: ""
    """Given method, path and number of the request: '' to pass it on, a status such as '503',
    'reset', 'half' (of the answer), or 'stall'."""
    stall_s: float = 15.0
    address: str = ""

    def count(self, method: str = "", part: str = "") -> int:
        return sum(m.startswith(method) and part in p for m, p in self.requests)

    def num_bytes(self, part: str = "") -> int:
        """Bytes that GETs of such paths were answered with."""
        return sum(size for path, size in self.answered if part in path)


@contextlib.contextmanager
def proxy_to(target: str) -> Iterator[Proxy]:
    proxy = Proxy(target)
    host = target.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            proxy.requests.append((self.command, self.path))
            how = proxy.fail(self.command, self.path, len(proxy.requests))
            if how == "stall":
                time.sleep(proxy.stall_s)
                how = "reset"
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return
            if how.isdigit():
                text = b"<Error><Code>SlowDown</Code><Message>x</Message></Error>"
                self.send_response(int(how))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return
            upstream = http.client.HTTPConnection(host, timeout=60)
            # The signature is over the host that the client meant.
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            data = answer.read()
            if self.command == "GET":
                proxy.answered.append((self.path, len(data)))
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            size = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
            self.send_header("Content-Length", str(size or 0))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if how == "half" else data)
            if how == "half":
                self.wfile.flush()
                self.close_connection = True
            upstream.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request, client_address):
            pass  # a client that gave up

    server = Server(("127.0.0.1", 0), Handler)
    proxy.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
