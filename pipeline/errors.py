"""Every error that Rotoscope raises on purpose.

Messages say what was wrong, the value seen, what is allowed and what to do next. Whoever catches
`RotoscopeError` catches a sentence meant for a person; anything else that escapes is a defect.
"""

from __future__ import annotations

from collections.abc import Iterable


class RotoscopeError(Exception):
    """Base class of all errors raised on purpose."""


class UsageError(RotoscopeError):
    """The call itself is wrong: an unknown option, a path that is not there. Exit code 2."""


class RecipeError(UsageError):
    """A recipe or override that cannot be run: unknown stage or key, value out of range."""


class CodeConsentError(UsageError):
    """Data name a program that the user did not name: it runs only with `--allow-code`."""


class ContractError(RotoscopeError):
    """Values that do not obey the action contract they claim to obey."""


class TrackError(RotoscopeError):
    """A track whose arrays disagree in length or shape, or that is not there."""


class AssetError(RotoscopeError):
    """A weight, robot or sample file that cannot be had or whose checksum is wrong."""


class RobotError(RotoscopeError):
    """A robot description that is missing, malformed, or lacks a named joint or frame."""


class VideoError(RotoscopeError):
    """A video that cannot be read. The video gets a row in the ledger; the run goes on."""


class NotAVideoError(VideoError):
    """The file is empty, a folder, unreadable, text, or holds no video stream."""


class DamagedVideoError(VideoError):
    """The file starts as a video but cannot be decoded to its end."""


class UnreasonableVideoError(VideoError):
    """Header facts that cannot be meant: no frames, 100,000 pixels wide, a rate of zero."""


class MotionError(RotoscopeError):
    """A motion file that cannot be read. The file gets a row in the ledger; the run goes on."""


class FileChangedError(RotoscopeError):
    """A file that was replaced, or still grew, while it was read: nothing of it is kept."""


class StoreError(RotoscopeError):
    """A store that cannot be read or written: no folder, no permission, a disk that fails."""


class RemoteError(RotoscopeError):
    """An object store that does not answer, or holds nothing of that name. Can be tried again."""


class RemoteAccessError(RemoteError):
    """An object store that does not let us in: no credentials, wrong ones, or no right to it."""


class AnotherProcessError(RotoscopeError):
    """Another process of the same training failed first, and says why."""


class WorkerError(RotoscopeError):
    """A child process that did not come back with a result."""


class WorkerCrashedError(WorkerError):
    """The child died of a signal or a non-zero exit, usually in native code."""


class TimeLimitError(WorkerError):
    """The child ran longer than its time limit and was killed."""


class MemoryLimitError(WorkerError):
    """The child used more memory than its limit and was killed."""


class EngineError(RotoscopeError):
    """What shall run the tasks of a flow cannot be started, or one of its nodes cannot work."""


class EngineLostError(EngineError):
    """What ran the tasks of a flow went away. What was done is kept: the same command goes on."""


class DiskFullError(RotoscopeError):
    """A write failed because no space is left; what was published before is untouched."""


class DatasetError(RotoscopeError):
    """A dataset folder that is missing, not ours, or disagrees with its own metadata."""


def quoted(names: Iterable[str]) -> str:
    """A sorted, quoted list of valid names for an error message."""
    return ", ".join(repr(name) for name in sorted(names)) or "(none)"
