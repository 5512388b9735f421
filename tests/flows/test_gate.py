"""A page from elsewhere, or another name for this machine, gets no answer."""

import asyncio

import pytest

from rotoscope.flows.gate import LOOPBACK, Gate, is_loopback, may_ask


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:4200", None),
        ("localhost:4200", None),
        ("[::1]:4200", None),
        ("127.0.0.1:4200", "http://127.0.0.1:4200"),
        ("127.0.0.1:4200", "http://localhost:4200"),
        ("localhost", "http://localhost"),
    ],
)
def test_own_page_and_programs_are_answered(host, origin):
    assert may_ask(host, origin, LOOPBACK)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:4200", None),
        ("127.0.0.1.evil.example", None),
        ("", None),
        ("127.0.0.1:x", None),
        ("127.0.0.1:4200", "http://evil.example"),
        ("127.0.0.1:4200", "http://127.0.0.1:8000"),
        ("127.0.0.1:4200", "http://127.0.0.1.evil.example:4200"),
        ("127.0.0.1:4200", "null"),
        ("127.0.0.1:4200", "http://evil@evil.example:4200"),
        ("127.0.0.1:4200", ""),
    ],
)
def test_other_pages_and_names_are_refused(host, origin):
    assert not may_ask(host, origin, LOOPBACK)


def test_server_that_is_open_goes_by_any_name_but_only_its_own_page_asks():
    assert may_ask("videos.lab:4200", "https://videos.lab:4200", ())
    assert not may_ask("videos.lab:4200", "https://evil.example", ())


def test_only_this_machine_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.3", "", "127.0.0.1.evil.example")))


@pytest.mark.parametrize(("kind", "said"), [("http", 403), ("websocket", 1008)])
def test_refused_request_never_reaches_the_application(kind, said):
    reached, sent = [], []

    async def app(scope, receive, send):
        reached.append(scope)

    async def send(message):
        sent.append(message)

    gate = Gate(app, LOOPBACK)
    asked = {"type": kind, "headers": [(b"host", b"evil.example")]}
    asyncio.run(gate(asked, None, send))
    assert not reached
    assert said in (sent[0].get("status"), sent[0].get("code"))
    asyncio.run(gate(asked | {"headers": [(b"host", b"localhost:1")]}, None, send))
    asyncio.run(gate({"type": "lifespan"}, None, send))
    assert len(reached) == 2
