"""From stored episodes to a published dataset, in a process of its own.

LeRobot is heavy and is changed a little while it writes; both stay inside the child. The child
reads a job from standard input, one line of JSON, and answers with another. Its standard input
stays open as long as its parent lives; see `lifeline`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rotoscope.pipeline import errors, lifeline
from rotoscope.pipeline.errors import DatasetError, RotoscopeError
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.processes import python_module

if TYPE_CHECKING:
    from rotoscope.pipeline.datasets.facts import EpisodeFacts
    from rotoscope.pipeline.export.stored_episode import StoredEpisode

_EXPECTED_ERROR, _NEEDS_WHOLE_IMPORT = 3, 4


@dataclass(frozen=True)
class PublishJob:
    """A dataset to write."""

    episodes: tuple[str, ...]
    """Folders of stored episodes, in order."""
    names: tuple[str, ...]
    """For each episode, the name of the video that it comes from."""
    out: str
    """Where the dataset appears, whole."""
    camera: str
    """Name of the camera: `observation.images.<camera>`."""
    repo_id: str
    """Name of the dataset."""
    provenance: dict[str, Any]
    """What made it: `meta/rotoscope/provenance.json`."""
    ledger: tuple[dict[str, Any], ...] = ()
    """What became of every video: `meta/rotoscope/ledger.jsonl`."""
    selected: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Folders of datasets, and indices of the episodes of each that are written, in order; where
    there are some, `episodes` and `names` are empty."""
    versions: str = ""
    """Folder in which the dataset that is replaced is kept as a version; not kept where empty."""


@dataclass(frozen=True)
class PublishResult:
    """Counts and digests of a written dataset."""

    episodes: int
    """Number of episodes."""
    rows: int
    """Rows in all of them."""
    cpu_s: float
    """CPU time of the writing process [s]."""


def publish_in_child(job: PublishJob) -> PublishResult:
    """Writes the dataset in a fresh process and waits for it; see `publish`.

    Raises:
        DatasetError: `out` holds something else, an episode is damaged, or the writer failed.
        DiskFullError: No space is left; what `out` held before is untouched.
    """
    code, output, complaints = _run(job, light=True)
    if code == _NEEDS_WHOLE_IMPORT:
        code, output, complaints = _run(job, light=False)
    if code == _EXPECTED_ERROR:
        answer = json.loads(output)
        raise getattr(errors, answer["error"])(answer["message"])
    if code != 0:
        raise DatasetError(
            f"the process that writes {job.out} ended with {code}; this is a defect, please "
            f"report it with these lines:\n{_tail(complaints)}"
        )
    return PublishResult(**json.loads(output))


def publish(
    job: PublishJob, import_writer: Callable[[], Any], *, last: Callable[[], None] = lambda: None
) -> PublishResult:
    """Writes a dataset beside `out` and moves it into place whole, replacing one of ours.

    What is not ours in `out` is kept; see `replacing`.

    Args:
        job: What to write.
        import_writer: Gives LeRobot's `LeRobotDataset`; called when all else is in order.
        last: Called just before the dataset appears; may raise.

    Raises:
        DatasetError: `out` holds something else or was edited, or an episode is damaged.
        DiskFullError: No space is left; what `out` held before is untouched.
    """
    from rotoscope.pipeline.export.card import dataset_card
    from rotoscope.pipeline.export.lerobot import write_lerobot
    from rotoscope.pipeline.export.replacing import dataset_folder
    from rotoscope.pipeline.export.schema import schema_of
    from rotoscope.pipeline.export.sidecar import write_sidecar
    from rotoscope.pipeline.export.versions import keep_version

    # The writer works from another folder, where relative paths would lead elsewhere.
    out = Path(job.out).absolute()
    _refuse_what_is_not_ours(out)
    with contextlib.ExitStack() as stack:
        stored, facts = _episodes_of(job, stack)
        schema = schema_of(stored, camera=job.camera)
        dataset_class = import_writer()

        def keep() -> None:
            if job.versions:
                keep_version(out, Path(job.versions).absolute())
            last()

        root = stack.enter_context(dataset_folder(out, last=keep))
        write_lerobot(dataset_class, stored, root, schema=schema, repo_id=job.repo_id, facts=facts)
        quality = write_sidecar(
            root,
            stored,
            facts=facts,
            schema=schema,
            provenance=job.provenance,
            ledger=job.ledger,
        )
        card = dataset_card(schema, quality, job.provenance, job.repo_id, facts)
        (root / "README.md").write_text(card, encoding="utf-8")
        _give_usual_permissions(root)
    return PublishResult(len(stored), quality["rows"], time.process_time())


def _episodes_of(
    job: PublishJob, stack: contextlib.ExitStack
) -> tuple[Sequence[StoredEpisode], list[EpisodeFacts]]:
    """The episodes, and where each comes from."""
    from rotoscope.pipeline.datasets.facts import facts_of
    from rotoscope.pipeline.export.selected import select
    from rotoscope.pipeline.export.stored_episode import open_episode

    if job.selected:
        scratch = stack.enter_context(scratch_folder("rotoscope-selected"))
        chosen = [
            episode
            for folder, episodes in job.selected
            for episode in select(Path(folder).absolute(), episodes, scratch)
        ]
        return chosen, [episode.facts for episode in chosen]
    stored = [open_episode(Path(folder).absolute()) for folder in job.episodes]
    return stored, [
        facts_of(episode.header | {"name": name}, job.provenance)
        for episode, name in zip(stored, job.names, strict=True)
    ]


def _refuse_what_is_not_ours(out: Path) -> None:
    is_ours = (out / "meta" / "rotoscope" / "provenance.json").is_file()
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_ours and not is_free:
        raise DatasetError(
            f"{out} exists and was not written by rotoscope; name another place or move it away"
        )


def _give_usual_permissions(root: Path) -> None:
    """Files that began as temporary ones can be read by their owner alone; not so a dataset."""
    mask = os.umask(0)
    os.umask(mask)
    for path in root.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _run(job: PublishJob, *, light: bool) -> tuple[int, str, str]:
    """Exit code, answer and complaints of a writer; it is gone when this returns or raises."""
    command = python_module(__name__, *([] if light else ["--whole"]))
    with tempfile.TemporaryFile() as complaints:
        writer = subprocess.Popen(
            command,
            env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            | os.environ
            | {"HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            # A group of its own, so that it is ended with all that it may have started.
            process_group=0,
        )
        assert writer.stdin is not None
        assert writer.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # its exit code says more
                writer.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
                writer.stdin.flush()
            output = writer.stdout.read().decode()
            code = writer.wait()
        finally:
            # Reaped before its group is ended, its number could be another's by then.
            if writer.poll() is None:
                os.killpg(writer.pid, signal.SIGKILL)
                writer.wait()
            writer.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                writer.stdin.close()
        complaints.seek(0)
        return code, output, complaints.read().decode("utf-8", "replace")


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.splitlines()[-lines:])


def _main() -> int:
    line = lifeline.hold()
    # Libraries print to standard output as they please; the answer goes where they cannot reach.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    facts = json.loads(line)
    job = PublishJob(
        **facts | {n: tuple(facts[n]) for n in ("episodes", "names", "ledger", "selected")}
    )
    # By name: run as a script, this module is `__main__`, and its import would load it twice.
    light = importlib.import_module("rotoscope.pipeline.export.light_lerobot")
    try:
        import_writer = _whole_writer if "--whole" in sys.argv else light.import_light_writer
        result = publish(job, import_writer, last=lifeline.check)
    except light.LightImportError as error:
        print(f"LeRobot is imported whole: {error}", file=sys.stderr)
        return _NEEDS_WHOLE_IMPORT
    except RotoscopeError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}), file=answer)
        answer.flush()
        return _EXPECTED_ERROR
    print(json.dumps(asdict(result)), file=answer)
    answer.flush()
    return 0


def _whole_writer() -> Any:
    return importlib.import_module("lerobot.datasets.lerobot_dataset").LeRobotDataset


if __name__ == "__main__":
    # Without running destructors: LeRobot's would try to finish what was given up.
    code = _main()
    sys.stderr.flush()
    os._exit(code)
