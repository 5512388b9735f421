"""Episodes of a dataset chosen by number, by what is known of them, or by shares."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.replayed import replay_facts
from rotoscope.pipeline.datasets.said import episode_facts
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.plain import read_text
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.rewards.columns import PROGRESS

_SPAN = re.compile(r"(\d+)(?::(\d+))?")
_CONDITION = re.compile(r"\s*([\w.]+)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Condition:
    """What must hold of an episode."""

    key: str
    """What is compared, such as `valid_share`."""
    sign: str
    """`>=`, `<=`, `>`, `<`, `=` or `!=`."""
    value: str
    """What it is compared with; a glob where it is a text."""

    def holds(self, known: Mapping[str, Any]) -> bool:
        """Whether it holds; not where nothing is known.

        Raises:
            UsageError: A number is compared with a text.
        """
        found = known.get(self.key)
        if found is None:
            return False
        if isinstance(found, str):
            if self.sign not in ("=", "==", "!="):
                raise UsageError(f"{self.key} is a text: compare it with = or !=, not {self.sign}")
            return fnmatch.fnmatchcase(found, self.value) == (self.sign != "!=")
        try:
            return _COMPARE[self.sign](float(found), float(self.value))
        except ValueError as error:
            raise UsageError(
                f"{self.key} is a number, and it is compared with {shown(self.value)}"
            ) from error


def condition(text: str) -> Condition:
    """A condition as it is typed, such as `valid_share>=0.9` or `video=cup*`.

    Raises:
        UsageError: It is none.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{shown(text)} is no condition; write KEY>=NUMBER, such as valid_share>=0.9, or "
            "KEY=TEXT, such as license=CC-BY-4.0"
        )
    return Condition(*found.groups())


def known_of(dataset: Dataset) -> dict[int, dict[str, Any]]:
    """What episodes can be chosen by, by episode index: numbers and texts by name.

    `rows`, `seconds`, `valid_share`, `confidence` (the mean of valid rows) and `progress` (that of
    the last known row) come from the rows; all else from what the dataset says.

    Raises:
        DatasetError: The dataset is damaged.
    """
    facts = episode_facts(dataset)
    out: dict[int, dict[str, Any]] = {}
    for number, row in enumerate(dataset.table):
        index = int(row["episode_index"])
        episode = dataset.episode(number)
        said = facts.get(index)
        line = {} if said is None else said.line
        source, quality = line.get("source") or {}, line.get("quality") or {}
        known = {k: v for k, v in quality.items() if isinstance(v, int | float | str)}
        known |= replay_facts(dataset.root, episode)
        valid = np.asarray(episode.columns.get("label.valid", np.ones(episode.num_rows)), bool)
        confidence = episode.columns.get("label.confidence")
        known |= {
            "episode": index,
            "rows": episode.num_rows,
            "seconds": episode.num_rows / dataset.fps,
            "valid_share": episode.row_count.valid_share,
            "task": str((row.get("tasks") or [""])[0]),
            "video": str(line.get("name", "")),
            "license": "" if said is None else said.license,
            "person": str(source.get("person", "")),
            "subject": str(source.get("subject", "")),
            "recipe": "" if said is None else str(said.provenance.get("recipe", "")),
        }
        told = np.asarray(episode.columns.get(PROGRESS, ()), float).ravel()
        if np.isfinite(told).any():
            known["progress"] = float(told[np.isfinite(told)][-1])
        if confidence is not None and valid.any():
            known["confidence"] = float(np.asarray(confidence, float)[valid].mean())
        out[index] = known
    return out


def choose(dataset: Dataset, conditions: Sequence[Condition]) -> list[int]:
    """Indices of the episodes of which all conditions hold, in order.

    Raises:
        UsageError: No episode knows what a condition is about.
    """
    known = known_of(dataset)
    for one in conditions:
        if not any(one.key in facts for facts in known.values()):
            keys = sorted({key for facts in known.values() for key in facts})
            raise UsageError(f"no episode says {one.key!r}; they say {quoted(keys)}")
    return [i for i, facts in known.items() if all(one.holds(facts) for one in conditions)]


def numbers(text: str, *, source: str = "the list") -> list[int]:
    """Episode indices as LeRobot's commands write them, `[0, 2, 5]`, or `0 2 5`, or spans `0:10`.

    Args:
        text: The list; what follows a `#` in a line does not count.
        source: What it is, for the message.

    Raises:
        UsageError: It holds something else.
    """
    lines = [line.partition("#")[0] for line in text.splitlines()]
    words = " ".join(lines).strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
    out: list[int] = []
    for word in words:
        found = _SPAN.fullmatch(word)
        if found is None:
            raise UsageError(
                f"{source} holds {shown(word)}; episodes are numbers, such as [0, 2, 5], or spans, "
                "such as 0:10 for the first ten"
            )
        start = int(found[1])
        out += [start] if found[2] is None else range(start, int(found[2]))
    return list(dict.fromkeys(out))


def numbers_of_file(path: Path) -> list[int]:
    """The episode indices that a text file lists; see `numbers`.

    Raises:
        UsageError: It cannot be read, or holds something else.
    """
    return numbers(read_text(path, error=UsageError), source=str(path))


def splits(dataset: Dataset, wanted: Mapping[str, str]) -> dict[str, list[int]]:
    """Episode indices by name of the split.

    Shares keep the episodes of one video together, so that no split has seen what another is tried
    on; which videos go where depends on their content alone, not on order or chance.

    Args:
        dataset: What is split.
        wanted: For each name a share, such as `0.8`, or a list of episodes; see `numbers`.

    Raises:
        UsageError: Shares and lists are mixed, lists overlap, or there are too few videos.
    """
    shares = {name: _share(text) for name, text in wanted.items()}
    if all(share is not None for share in shares.values()):
        return _by_shares(dataset, {name: share or 0.0 for name, share in shares.items()})
    if any(share is not None for share in shares.values()):
        raise UsageError(f"give shares or lists of episodes, not both; got {json.dumps(wanted)}")
    found = {name: numbers(text, source=name) for name, text in wanted.items()}
    seen: dict[int, str] = {}
    for name, indices in found.items():
        for index in indices:
            if seen.setdefault(index, name) != name:
                raise UsageError(f"episode {index} is in {seen[index]!r} and in {name!r}")
    return found


def _share(text: str) -> float | None:
    try:
        return float(text) if "." in text else None
    except ValueError:
        return None


def _by_shares(dataset: Dataset, shares: Mapping[str, float]) -> dict[str, list[int]]:
    total = sum(shares.values())
    if not 0 < total <= 1 + 1e-9 or any(share <= 0 for share in shares.values()):
        raise UsageError(f"shares must be above 0 and sum to 1 at most, got {dict(shares)}")
    facts = episode_facts(dataset)
    videos: dict[str, list[int]] = {}
    rows: dict[str, int] = {}
    for row in dataset.table:
        index = int(row["episode_index"])
        line = facts[index].line if index in facts else {}
        source = line.get("source") or {}
        video = str(source.get("video_sha256") or line.get("name") or index)
        videos.setdefault(video, []).append(index)
        rows[video] = rows.get(video, 0) + int(row["length"])
    if len(videos) < len(shares):
        raise UsageError(
            f"{dataset.root} holds episodes of {len(videos)} videos, too few for {len(shares)} "
            "splits: those of one video stay together. Give lists of episodes to part them anyway"
        )
    ordered = sorted(videos, key=lambda v: hashlib.sha256(v.encode()).digest())
    whole, done = sum(rows.values()), 0
    out: dict[str, list[int]] = {name: [] for name in shares}
    names, edges = list(shares), np.cumsum(list(shares.values())).tolist()
    place = 0
    for number, video in enumerate(ordered):
        left = len(ordered) - number
        middle = (done + rows[video] / 2) / whole
        is_full = out[names[place]] and middle > edges[place]
        must = left <= len(names) - 1 - place and out[names[place]]
        if place + 1 < len(names) and (is_full or must):
            place += 1
        elif place + 1 == len(names) and middle > edges[place] and out[names[place]]:
            break
        out[names[place]] += videos[video]
        done += rows[video]
    return {name: sorted(indices) for name, indices in out.items()}
