"""What people name: paths, URLs, and what must not stand in one."""

from pathlib import Path

import pytest

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.quoting import redacted
from rotoscope.pipeline.remote.urls import Url, place_of


def test_paths_stay_paths_and_file_urls_become_some():
    assert place_of("videos/a.mp4") == Path("videos/a.mp4")
    assert place_of("file:///data/a%20b") == Path("/data/a b")
    assert place_of(Path("s3") / "a") == Path("s3/a")


def test_url_is_taken_apart_and_put_together():
    url = place_of("s3://bucket/folder/a b%20#?.mp4")
    assert url == Url("s3", "bucket", "folder/a b%20#?.mp4")
    assert str(url) == "s3://bucket/folder/a b%20#?.mp4"
    assert (url.name, url.beside("x").key) == ("a b%20#?.mp4", "folder/x")
    assert place_of("s3://bucket/folder/") == Url("s3", "bucket", "folder")
    assert place_of("s3://bucket") == Url("s3", "bucket", "")


def test_url_that_pathlib_folded_is_understood():
    assert place_of(Path("s3://bucket/folder")) == Url("s3", "bucket", "folder")


@pytest.mark.parametrize(
    "text",
    [
        "s3://ann:pass-word-of-ann@bucket/a",
        "https://host/a.mp4?X-Amz-Signature=pass-word-of-ann",
        "https://host/a.mp4?any=pass-word-of-ann",
        "s3://bucket/a?AWSAccessKeyId=AKIAABCDEFGHIJKLMNOP&Signature=pass-word-of-ann",
    ],
)
def test_secret_in_a_url_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError, match="environment") as caught:
        place_of(text)
    if "any=" not in text:
        assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("text", ["s3://bucket/a/../b", "s3://bucket/a//b", "s3://bucket/./b"])
def test_parts_that_step_aside_are_refused(text):
    with pytest.raises(UsageError, match="write the whole name"):
        place_of(text)


def test_no_bucket_is_said():
    with pytest.raises(UsageError, match="names no bucket"):
        place_of("s3:///a")


def test_secrets_of_this_process_are_hidden_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-indeed")
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnopqrst")
    text = redacted("http://u:p@h/x?token=abc&b=1 very-secret-indeed hf_abcdefghijklmnopqrst")
    assert text == "http://***@h/x?token=***&b=1 *** ***"


def test_short_values_hide_no_words(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert redacted("this is said") == "this is said"
