"""How one gets into S3: credentials, region, endpoint; and a listing that takes any key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from rotoscope.pipeline.errors import RemoteAccessError, UsageError
from rotoscope.pipeline.quoting import redacted
from rotoscope.pipeline.remote.objects import ObjectFacts
from rotoscope.pipeline.remote.patience import (
    CONNECT_S,
    SILENCE_S,
    AwayError,
    Patience,
    patiently,
)

LOGIN_ADVICE = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true "
    "for a public bucket"
)
NOT_INSTALLED = "s3:// needs packages that are not installed; get them with: pip install "
_EXTRA = "'rotoscope[s3]'"
_LONGEST_CALL = timedelta(hours=6)
"""obstore ends a whole request after 30 s otherwise, a long download in the middle of it."""
_DEFAULT_REGION = "us-east-1"


def open_client(bucket: str, *, silence_s: float) -> Any:
    """Obstore's client of a bucket, which tries nothing twice: that is ours to do.

    Raises:
        UsageError: obstore is not installed.
        RemoteAccessError: There are no credentials.
    """
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise UsageError(NOT_INSTALLED + _EXTRA) from error
    endpoint = endpoint_url()
    config: dict[str, Any] = {"region": region()}
    if endpoint:
        config["endpoint"] = endpoint
    has_keys = bool(os.environ.get("AWS_ACCESS_KEY_ID"))
    provider = None if has_keys or _is_public() else _provider()
    return S3Store(
        bucket,
        config=config,  # type: ignore[arg-type]
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "read_timeout": timedelta(seconds=silence_s),
            "timeout": _LONGEST_CALL,
        },
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=silence_s)},
        **({"credential_provider": provider} if provider is not None else {}),
    )


def endpoint_url() -> str | None:
    """Where S3 is, as all of its tools are told; `None` for Amazon's own."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def region() -> str:
    """Region that requests are signed for."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    found = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if found is None and os.environ.get("AWS_PROFILE"):
        found = _session().get_config_variable("region")
    return found or _DEFAULT_REGION


def _is_public() -> bool:
    return os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true")


def _session() -> Any:
    try:
        import botocore.session
    except ImportError as error:
        raise UsageError(NOT_INSTALLED + _EXTRA) from error
    return botocore.session.Session()


def _provider() -> Any:
    """Credentials of profiles, machines and single sign-on, renewed as they expire."""
    credentials = _session().get_credentials()
    if credentials is None:
        raise RemoteAccessError(f"no credentials for S3 were found; {LOGIN_ADVICE}")

    def current() -> dict[str, Any]:
        now = credentials.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": None,
        }

    return current


def list_slowly(bucket: str, prefix: str, after: str, patience: Patience) -> Iterator[ObjectFacts]:
    """Keys after one of them, whatever they are made of, by botocore: ten times the CPU."""
    client = _slow_client()
    more: dict[str, str] = {"StartAfter": after} if after else {}
    where = f"{prefix}/" if prefix else ""
    while True:

        def page(more: dict[str, str] = more) -> dict[str, Any]:
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                return client.list_objects_v2(Bucket=bucket, Prefix=where, **more)
            except (BotoCoreError, ClientError) as error:
                raise AwayError(redacted(str(error))) from error

        found = patiently(page, what=f"s3://{bucket}/{prefix}", patience=patience)
        for one in found.get("Contents", ()):
            key, modified = one["Key"], one["LastModified"].timestamp()
            tag, why = one.get("ETag", ""), problem_of(key)
            yield ObjectFacts(key, one["Size"], tag, int(modified * 1e9), why)
        if not found.get("IsTruncated"):
            return
        more = {"ContinuationToken": found["NextContinuationToken"]}


def problem_of(key: str) -> str:
    """Why a key is no path; empty where it is one."""
    parts = key.removesuffix("/").split("/")
    if ".." in parts or "." in parts:
        return "its key has '.' or '..' in it and leads elsewhere on a disk; rename the object"
    if "" in parts:
        return "its key has an empty part ('//', or a '/' in front); rename the object"
    if any(ord(c) < 32 or ord(c) == 127 for c in key):
        return "its key holds characters that no request can name; rename the object"
    return ""


def _slow_client() -> Any:
    session = _session()
    from botocore import UNSIGNED
    from botocore.config import Config

    more = {"signature_version": UNSIGNED} if _is_public() else {}
    return session.create_client(
        "s3",
        region_name=region(),
        endpoint_url=endpoint_url(),
        config=Config(
            connect_timeout=CONNECT_S,
            read_timeout=SILENCE_S,
            retries={"total_max_attempts": 1},
            **more,
        ),
    )
