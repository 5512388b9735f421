"""Spoils a written dataset in one place, and says what the doctor must find."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rotoscope.pipeline.doctor.run import diagnose

EPISODES, ROWS = 5, 90


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def change_rows(dataset, **changes):
    """Rewrites columns of the data; a change takes and gives an array of one row per row."""
    path = only(dataset, "data/*/*.parquet")
    table_ = pq.read_table(path)
    for name, change in changes.items():
        name = name.replace("__", ".")
        at = table_.column_names.index(name)
        old = np.array(table_[name].to_pylist())
        new = change(old.copy())
        values = pa.array(new.tolist(), table_.schema.field(name).type)
        table_ = table_.set_column(at, table_.schema.field(name), values)
    pq.write_table(table_, path)


def change_episodes(dataset, name, change):
    path = only(dataset, "meta/episodes/*/*.parquet")
    table_ = pq.read_table(path)
    at = table_.column_names.index(name)
    values = pa.array([change(v) for v in table_[name].to_pylist()], table_.schema.field(name).type)
    pq.write_table(table_.set_column(at, table_.schema.field(name), values), path)


def change_json(dataset, name, change):
    path = dataset / "meta" / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_episode_lines(dataset, change):
    path = dataset / "meta" / "rotoscope" / "episodes.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def verdicts(dataset):
    return {c.name: c.verdict for c in diagnose(dataset)}


def found(dataset, name):
    return next(c for c in diagnose(dataset) if c.name == name)


def expect(dataset, name, verdict, *words):
    check = found(dataset, name)
    assert check.verdict == verdict, check
    for word in words:
        assert word in check.message


def first_rows(dataset):
    episode = np.array(pq.read_table(only(dataset, "data/*/*.parquet"))["episode_index"])
    return [int(np.argmax(episode == e)) for e in range(EPISODES)]


def without_facts(dataset):
    """Takes out of the columns and of `info.json` what Rotoscope says there."""
    names = ("label.source", "label.episode")
    path = only(dataset, "data/*/*.parquet")
    kept = pq.read_table(path).drop_columns(list(names))
    pq.write_table(kept.replace_schema_metadata(None), path)

    def change(info):
        for name in names:
            del info["features"][name]
        for facts in info["features"].values():
            facts.pop("rotoscope", None)

    change_json(dataset, "info.json", change)
