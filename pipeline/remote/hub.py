"""A dataset on the Hugging Face Hub, as LeRobot finds it: by the tag of its format."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError, RemoteAccessError, RemoteError, UsageError
from rotoscope.pipeline.files.plain import mapping, read_json
from rotoscope.pipeline.quoting import cut, redacted, shown
from rotoscope.pipeline.remote.datasets import INFO
from rotoscope.pipeline.remote.patience import DEFAULT, AwayError, Patience, patiently

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LEFT_BEHIND = [".*", "**/.*", "*.tmp-*"]
_BUSY = (408, 429, 500, 502, 503, 504)


def push_to_hub(
    folder: Path, repo_id: str, *, is_private: bool = True, patience: Patience = DEFAULT
) -> str:
    """Uploads a dataset and returns its address.

    LeRobot's loader reads what the tag that names the format's version points to. The tag moves
    when everything is there, so that nobody who reads by it sees half.

    Args:
        folder: The dataset.
        repo_id: Such as `user/name`; made where it is not there.
        is_private: Whether a new repository is private; one that is there stays as it is.
        patience: How long a server that is away is waited for.

    Raises:
        UsageError: `repo_id` is none.
        DatasetError: The folder holds no dataset.
        RemoteAccessError: The Hub does not let us in.
        RemoteError: It does not answer, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    if not REPO_ID.fullmatch(repo_id):
        raise UsageError(f"{shown(repo_id)} is no name of a repository; give USER/NAME")
    version, api = _version(folder), HfApi()

    def push() -> str:
        with _said(repo_id):
            made = api.create_repo(repo_id, repo_type="dataset", private=is_private, exist_ok=True)
            api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                repo_type="dataset",
                ignore_patterns=_LEFT_BEHIND,
                commit_message="Dataset written by rotoscope",
            )
            # As LeRobot's own `push_to_hub`: the tag moves to what was just uploaded.
            with contextlib.suppress(RevisionNotFoundError):
                api.delete_tag(repo_id, tag=version, repo_type="dataset")
            api.create_tag(repo_id, tag=version, repo_type="dataset")
        return str(made)

    return patiently(push, what=f"the Hub ({repo_id})", patience=patience)


def _version(folder: Path) -> str:
    if not (folder / INFO).is_file():
        raise DatasetError(f"{folder} holds no dataset: there is no {INFO}")
    facts = mapping(read_json(folder / INFO, error=DatasetError), source=INFO, error=DatasetError)
    version = facts.get("codebase_version")
    if not isinstance(version, str) or not re.fullmatch(r"v\d+(\.\d+)*", version):
        raise DatasetError(
            f"{INFO}: codebase_version is {shown(version)}, such as 'v3.0' is wanted"
        )
    return version


@contextlib.contextmanager
def _said(repo_id: str) -> Iterator[None]:
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    login = "log in with 'hf auth login', or set HF_TOKEN to a token that may write there"
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise RemoteAccessError(f"the Hub lets nobody write without a token; {login}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        why = redacted(cut(str(error).partition("\n")[0]))
        if status in (401, 403):
            raise RemoteAccessError(f"the Hub: no access to {repo_id} ({why}); {login}") from error
        if status in _BUSY:
            raise AwayError(why) from error
        raise RemoteError(f"the Hub refused {repo_id} ({why})") from error
    except (httpx.TransportError, ConnectionError, TimeoutError) as error:
        raise AwayError(redacted(cut(str(error) or type(error).__name__))) from error
