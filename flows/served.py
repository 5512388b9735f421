"""`rotoscope serve`: a Prefect server where none is configured, and one that starts its runs.

This process imports little and computes nothing: it keeps the others going. A server or a runner
that ends is started again, runs that ended with it go on, and all end with this process.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any, TextIO

from rotoscope.flows import import_prefect, reports
from rotoscope.flows.gate import is_loopback
from rotoscope.flows.place import Place
from rotoscope.flows.serve_plan import Plan
from rotoscope.pipeline.errors import UsageError

log = logging.getLogger(__name__)
_PAUSE_S = 1.0


def serve(plan: Plan) -> None:
    """Serves until this process is told to end.

    Raises:
        UsageError: An address that cannot be had, or one that others reach without a password;
            another `serve` of the same folder.
    """
    import_prefect()
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from rotoscope.flows import kept
    from rotoscope.flows.server import without_secret

    secret = _secret()
    if not (is_loopback(plan.host) or secret):
        raise UsageError(
            f"others can reach {plan.host}, and whoever reaches the server can run programs here; "
            "set PREFECT_SERVER_API_AUTH_STRING=user:password, or leave out --host"
        )
    roots = tuple(root.resolve() for root in plan.roots)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(Place(roots)))
        shelf = reports.Shelf(roots, secret)
        port = stack.enter_context(reports.served(shelf, plan.host, plan.reports_port))
        address = plan.reports_url or f"http://{_shown(plan.host)}:{port}"
        place = Place(roots, address.rstrip("/"), plan.workers)
        own, url = None, PREFECT_API_URL.value()
        settings: dict[Any, Any] = {}
        if not url:
            own = stack.enter_context(kept.own_server(plan.host, plan.port))
            url = own.url
            settings = {PREFECT_API_URL: url} | (
                {PREFECT_API_AUTH_STRING: secret} if secret else {}
            )
        stack.enter_context(temporary_settings(settings))
        environment = {setting.name: value for setting, value in settings.items()}
        runner = stack.enter_context(kept.kept_runner(plan, place, environment))
        log.warning("page: %s", without_secret(url).removesuffix("/api"))
        log.warning("reports: %s", place.reports)
        while True:
            if own is not None:
                own.keep()
            runner.keep()
            time.sleep(_PAUSE_S)


def _secret() -> str:
    """`user:password`: of the server where it is ours, and of the reports."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_SERVER_API_AUTH_STRING

    for setting in (PREFECT_SERVER_API_AUTH_STRING, PREFECT_API_AUTH_STRING):
        found: Any = setting.value()
        text = found.get_secret_value() if hasattr(found, "get_secret_value") else (found or "")
        if text and not all(text.partition(":")):
            raise UsageError(f"{setting.name} is not of the form user:password")
        if text:
            return str(text)
    return ""


def _shown(host: str) -> str:
    """A name that a browser can open: of all addresses, this machine's own."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _only_one(place: Place) -> Iterator[None]:
    place.state.mkdir(parents=True, exist_ok=True)
    with (place.state / "serve.lock").open("w") as lock:
        _lock(lock, place)
        yield


def _lock(lock: TextIO, place: Place) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"another rotoscope serve writes below {place.roots[0]}; end it, or name another --root"
        ) from error
