"""A store that is away is waited for, and not for ever."""

import logging
import time

import pytest

from rotoscope.pipeline.errors import RemoteError
from rotoscope.pipeline.remote.patience import AwayError, Outage, Patience, Waiting, patiently

QUICK = Patience(total_s=0.3, first_s=0.01, longest_s=0.05)


def test_answer_comes_after_failures():
    left = [AwayError("503"), AwayError("reset")]

    def call():
        if left:
            raise left.pop()
        return "here"

    assert patiently(call, what="s3://b/k", patience=QUICK) == "here"


def test_waiting_ends_with_what_to_do():
    def call():
        raise AwayError("SlowDown http://u:p@host/x")

    started = time.monotonic()
    with pytest.raises(RemoteError, match=r"s3://b/k: no answer for .*run the same command") as got:
        patiently(call, what="s3://b/k", patience=QUICK)
    assert 0.1 < time.monotonic() - started < 5
    assert "u:p@" not in str(got.value)


def test_getting_further_begins_the_wait_anew():
    waiting = Waiting("x", QUICK)
    for _ in range(12):  # far more pauses than the patience for one failure
        waiting.failed(AwayError("reset"))
        waiting.failed(AwayError("reset"))
        waiting.moved()


def test_other_errors_are_not_tried_again():
    calls = []

    def call():
        calls.append(1)
        raise FileNotFoundError("k")

    with pytest.raises(FileNotFoundError):
        patiently(call, what="x", patience=QUICK)
    assert len(calls) == 1


def test_a_long_wait_is_told_once(caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(RemoteError):
        patiently(lambda: (_ for _ in ()).throw(AwayError("503")), what="x", patience=QUICK)
    assert sum("waiting for up to" in r.message for r in caplog.records) == 1


def test_requests_wait_for_one_outage_together():
    outage, started = Outage(), time.monotonic()

    def call():
        raise AwayError("503")

    for _ in range(20):
        with pytest.raises(RemoteError):
            patiently(call, what="x", patience=QUICK, outage=outage)
    assert time.monotonic() - started < 3  # not twenty times the patience
    patiently(lambda: None, what="x", patience=QUICK, outage=outage)
    begun = time.monotonic()
    with pytest.raises(RemoteError):
        patiently(call, what="x", patience=QUICK, outage=outage)
    assert time.monotonic() - begun > 0.1  # after an answer it is waited for again
