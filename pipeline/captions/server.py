"""A question about pictures to any server that speaks OpenAI's protocol of chat completions."""

from __future__ import annotations

import base64
import io
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.errors import RotoscopeError, UsageError
from rotoscope.pipeline.files.plain import parse_json
from rotoscope.pipeline.quoting import shown

TIME_LIMIT_S = 120.0
MAX_ANSWER_BYTES = 1 << 20
TRIES = 3
_AGAIN = (408, 429, 500, 502, 503, 504)
PROMPT = (
    "These pictures are from one video, in order of time. Say in one short English sentence, as an "
    "instruction to a robot, what the person does. Answer with that sentence alone."
)


class CaptionError(RotoscopeError):
    """The server gave no text."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key, and the pictures, to another server."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


@dataclass(frozen=True)
class CaptionServer:
    """A server that looks at pictures."""

    url: str
    """Up to and with `/v1`."""
    model: str
    """Name of the model, as the server knows it."""
    prompt: str = PROMPT
    """What is asked."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; none is sent where it is not set."""
    pause_s: float = 2.0
    """Wait before the second try [s]; twice as long before each further one."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"{shown(self.url)} is no address of a server; give one such as "
                "http://localhost:8000/v1"
            )
        if parts.username or parts.password:
            raise UsageError(
                f"give the key in ${self.key_variable}, not in the address: addresses are logged"
            )
        is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and not is_here and os.environ.get(self.key_variable):
            raise UsageError(
                f"the key in ${self.key_variable} would be sent to {parts.hostname} without "
                "encryption; use https, or unset the variable"
            )

    def ask(self, images: Sequence[UInt8[np.ndarray, "height width 3"]]) -> str:
        """The server's sentence about some pictures.

        Raises:
            CaptionError: It did not answer, refused, or answered something else.
        """
        content: list[dict[str, object]] = [{"type": "text", "text": self.prompt}]
        content += [{"type": "image_url", "image_url": {"url": _data_url(i)}} for i in images]
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": 100,
        }
        answer = self._post(json.dumps(body).encode())
        try:
            text = parse_json(answer, source="the answer", error=CaptionError)
            found = text["choices"][0]["message"]["content"]
        except (LookupError, TypeError) as error:
            raise CaptionError(f"{self.url} answered {shown(answer)}, which is no text") from error
        words = " ".join(str(found or "").split()).strip("\"'")
        if not words:
            raise CaptionError(f"{self.url} answered an empty text")
        return words

    def _post(self, body: bytes) -> str:
        pause_s = self.pause_s
        for attempt in range(1, TRIES + 1):
            try:
                return self._post_once(body)
            except urllib.error.HTTPError as error:
                # Its body may repeat the request, and a log is no place for that.
                why, is_over = f"HTTP {error.code}", error.code not in _AGAIN
                error.close()
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                why, is_over = str(getattr(error, "reason", error)), False
            if is_over or attempt == TRIES:
                break
            time.sleep(pause_s)
            pause_s *= 2
        raise CaptionError(f"{self.url} gave no text after {attempt} tries ({why})")

    def _post_once(self, body: bytes) -> str:
        request = urllib.request.Request(
            self.url.rstrip("/") + "/chat/completions",
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": "rotoscope"},
        )
        if key := os.environ.get(self.key_variable):
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=TIME_LIMIT_S) as response:
            data: bytes = response.read(MAX_ANSWER_BYTES)
        return data.decode("utf-8", "replace")


def _data_url(image: UInt8[np.ndarray, "height width 3"]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
