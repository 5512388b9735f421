"""The dataset's README: what it is, how it was made, how to open it, what not to trust."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.datasets.facts import EpisodeFacts
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.export.card_edits import MARK, join_card, split_card
from rotoscope.pipeline.export.manifest import CARD, OTHER_CARD
from rotoscope.pipeline.export.schema import Schema
from rotoscope.pipeline.export.sidecar import describe_features
from rotoscope.pipeline.export.trainers import training_section

_HEAD = """\
---
task_categories:
- robotics
tags:
- LeRobot
- rotoscope
configs:
- config_name: default
  data_files: data/*/*.parquet
---
"""

_NEVER_RUN = """\
- The actions were never run on a robot. They are what {robot} would have to do to follow the
  motion that is seen in the {source}; contact forces and objects are not observed.
"""
_LEARNED = """\
- The actions were inferred by a model that learned from a few labeled episodes; on what looks
  different from those it is wrong without knowing. `label.confidence` is calibrated on episodes
  like them, and so is `label.interval` (half of a 90 % interval) where it is there.
"""
_ONE_CAMERA = """\
- Scale and depth come from one camera: they are as good as its focal length and the size of the
  {subject} that were given or assumed. `meta/rotoscope/episodes.jsonl` says which, per episode.
"""
_MOTION_FILES = """\
- There are no images. Joints, their clock and their scale are those of the motion files.
"""
_FOLLOWED = {
    "approach": "The robot has too few joints to turn every way: its actions follow the person's "
    "position, and the direction of approach within the hand's uncertainty. How it is turned about "
    "other axes is its own, unless `label.valid.rotation` says otherwise.",
    "position": "The robot has too few joints to turn: its actions follow the person's position "
    "alone, unless `label.valid.rotation` says otherwise.",
}
_PLACED = """\
- The robot's base was placed so that the arm reaches the motion; it is not where a robot stood.
"""
_LICENSE = """\
The labels may be used freely. The {files}, and the right to pass them on, are their owner's: name
a license before you share this dataset, as `license:` in the head of this file or at its end. Keys
that you add to the head, and all below the last line, are kept when the dataset is published again.
Where you change anything else in this file it stays as you left it, and the new card is
`README.rotoscope.md`.
"""
_MADE = """\
- Rows with `label.made` True were made by `rotoscope multiply` out of the demonstration that
  `label.made_from` names, by moving it to where a thing and a goal might have been. Nobody showed
  them; `meta/rotoscope/provenance.json` says whether they were played in a simulator. Take them out
  with `rotoscope filter DATASET --where made=0`.
"""
_NOT_VALID = """\
- Rows with `label.valid` False are finite so that windows can cross them. `label.reason` says why
  they are not valid, "Train on it" how they are left out.
"""


def dataset_card(
    schema: Schema,
    quality: Mapping[str, Any],
    provenance: Mapping[str, Any],
    repo_id: str,
    facts: Sequence[EpisodeFacts] = (),
) -> str:
    """The text of `README.md`, the same for the same dataset.

    Args:
        schema: Its columns.
        quality: Counts of rows, as `quality.json` holds them.
        provenance: What made it.
        repo_id: Its name.
        facts: Where its episodes come from, for their licenses.
    """
    contract = schema.contract
    return "\n".join(
        [
            _HEAD,
            f"# {repo_id.rpartition('/')[2]}\n",
            _summary(schema, quality, provenance),
            "## What the action means\n",
            _meaning(schema),
            _table(contract),
            "## Features\n",
            _features(describe_features(schema)),
            "## Open it\n",
            _usage(repo_id, contract, has_state=schema.state is not None),
            "## Train on it\n",
            _training(contract),
            "## Limitations\n",
            _limitations(schema),
            "## License\n",
            _LICENSE.format(files=_files(schema)),
            _licenses(facts),
            f"{MARK}\n",
        ]
    )


def labeled_card(
    root: Path,
    dataset: Dataset,
    contract: ActionContract,
    quality: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Writes the card of a dataset that was labeled again, into its folder.

    What a user added to our card of the dataset before is in the new one. A card that is not ours
    stays, and ours is `README.rotoscope.md`.

    Args:
        root: The folder, all else in it written.
        dataset: What was labeled.
        contract: What the actions mean now.
        quality: Counts of rows, as `quality.json` holds them.
        provenance: What made it.
    """
    described = json.loads((root / "meta/rotoscope/features.json").read_text())
    known = {n: {"unit": "", "description": ""} for n in dataset.info["features"]} | described
    has_state = "observation.state" in dataset.info["features"]
    name = f"{dataset.root.resolve().name}-labeled"
    text = "\n".join(
        [
            _HEAD,
            f"# {name}\n",
            f"{quality['episodes']} episodes, {quality['rows']} rows at {dataset.fps:g} Hz, "
            f"{100 * quality['valid_share']:.1f} % of them valid. Actions for `{contract.robot}`, "
            f"inferred by the labeler `{provenance.get('recipe', '')}` of Rotoscope "
            f"{provenance.get('rotoscope', '')}; all other columns and all videos are those of the "
            "dataset that was labeled.\n",
            "## What the action means\n",
            "\n".join(_action_meaning(contract)) + "\n",
            _table(contract),
            "## Features\n",
            _features(known),
            "## Open it\n",
            _usage(f"rotoscope/{name}", contract, has_state=has_state),
            "## Train on it\n",
            _training(contract),
            "## Limitations\n",
            _LEARNED + _NOT_VALID,
            "## License\n",
            _LICENSE.format(files="videos"),
            f"{MARK}\n",
        ]
    )
    path = root / CARD
    before = path.read_bytes() if path.is_file() else MARK.encode()
    if MARK.encode() not in before:
        (root / OTHER_CARD).write_text(text, encoding="utf-8")
        return
    path.write_bytes(join_card(text.encode(), split_card(before)[1]))


def _licenses(facts: Sequence[EpisodeFacts]) -> str:
    """Under which licenses the episodes' sources are, and who is to be named."""
    if not any(one.license for one in facts):
        return "No license of the sources was stated.\n"
    counts: dict[tuple[str, str, str], int] = {}
    for one in facts:
        source = one.line.get("source") or {}
        key = (one.license or "not stated", source.get("credit", ""), source.get("url", ""))
        counts[key] = counts.get(key, 0) + 1
    rows = ["| license | credit | source | episodes |", "|---|---|---|---|"]
    for key, count in sorted(counts.items()):
        cells = [str(text).replace("|", "\\|").replace("\n", " ") for text in key]
        rows.append(f"| {' | '.join(cells)} | {count} |")
    return "\n".join(rows) + "\n"


def _summary(schema: Schema, quality: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    video = schema.video
    pictures, origin = "no images", "motion capture"
    if video is not None:
        pictures = f"camera `{schema.camera}` at {video.width}x{video.height}"
        origin = "ordinary video"
    return (
        f"{quality['episodes']} episodes, {quality['rows']} rows at {schema.fps} Hz "
        f"({quality['seconds']:g} s), {100 * quality['valid_share']:.1f} % of them valid, "
        f"{pictures}.\n"
        f"Robot actions for `{schema.contract.robot}`, inferred from {origin} by Rotoscope "
        f"{provenance.get('rotoscope', '')} with the recipe `{provenance.get('recipe', '')}`, in "
        "LeRobot v3.0 format.\n"
    )


def _meaning(schema: Schema) -> str:
    contract = schema.contract
    lines = ["- There is no `observation.state`: what was inferred are actions, not states."]
    if schema.state is not None:
        lines = [f"- `observation.state`: {_lower(schema.state.description)}"]
    return "\n".join([*lines, *_action_meaning(contract)]) + "\n"


def _action_meaning(contract: ActionContract) -> list[str]:
    lines = []
    if contract.reaches_states:
        later = f"{contract.shift_s:.6g} s later, at {contract.rate_hz:g} Hz."
        lines.append(f"- `action` is the robot's state {later}")
    else:
        lines.append(
            f"- `action` is what is done at the row ({contract.mode}), at {contract.rate_hz:g} Hz."
        )
    quantities = {dimension.quantity for dimension in contract.dimensions}
    if quantities & {"position", "rotation_vector", "quaternion", "rot6d"}:
        lines.append(f"- Frame: {contract.frame}. Rotations: {contract.rotation}.")
    if contract.follows is not None:
        lines.append(f"- {_FOLLOWED[contract.follows]}")
    if contract.gripper is not None:
        lines.append(
            f"- Gripper: {contract.gripper.closed:g} closed to {contract.gripper.open:g} open, "
            f"{contract.gripper.max_opening_m:g} m between the fingers at full opening."
        )
    return lines


def _table(contract: ActionContract) -> str:
    rows = ["| # | name | unit | lower | upper | per second |", "|---|---|---|---|---|---|"]
    rows += [_row(number, d) for number, d in enumerate(contract.dimensions)]
    return "\n".join(rows) + "\n"


def _row(number: int, dimension: Dimension) -> str:
    limits = (dimension.lower, dimension.upper, dimension.max_rate)
    cells = ["" if limit is None else f"{limit:.6g}" for limit in limits]
    return f"| {number} | `{dimension.name}` | {dimension.unit} | {' | '.join(cells)} |"


def _features(described: Mapping[str, Mapping[str, Any]]) -> str:
    rows = ["| feature | unit | what it is |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {facts['unit']} | {facts['description']} |"
        for name, facts in described.items()
    ]
    return "\n".join(rows) + "\n"


def _limitations(schema: Schema) -> str:
    made = _MADE if "label.made" in schema.features else ""
    return made + _limits_of_labels(schema)


def _limits_of_labels(schema: Schema) -> str:
    if "label.interval" in schema.features or not schema.contract.reaches_states:
        return _LEARNED + _NOT_VALID
    is_body = "track.body.joints" in schema.features
    robot = "the robot" if is_body else "an arm"
    if schema.video is None:
        return _NEVER_RUN.format(robot=robot, source="motion files") + _MOTION_FILES + _NOT_VALID
    scale = _ONE_CAMERA.format(subject="person" if is_body else "hand")
    placed = "" if is_body else _PLACED
    return _NEVER_RUN.format(robot=robot, source="video") + scale + placed + _NOT_VALID


def _training(contract: ActionContract) -> str:
    quantities = {dimension.quantity for dimension in contract.dimensions}
    return training_section(chunk=50, has_rotation_vectors="rotation_vector" in quantities)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _files(schema: Schema) -> str:
    return "motion files" if schema.video is None else "videos"


def _usage(repo_id: str, contract: ActionContract, *, has_state: bool) -> str:
    window = f'{{"action": [k / {contract.rate_hz:g} for k in range(16)]}}'
    state = ' item["observation.state"],' if has_state else ""
    return (
        "```python\n"
        "from lerobot.datasets.lerobot_dataset import LeRobotDataset\n\n"
        f'dataset = LeRobotDataset("{repo_id}", root="PATH", video_backend="pyav",\n'
        f"                         delta_timestamps={window})\n"
        f'item = dataset[0]  # item["action"],{state} item["label.valid"], ...\n'
        "```\n"
    )
