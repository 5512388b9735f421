"""What LeRobot's own tools leave of a dataset's facts: all that was promised."""

import json
import shutil

import numpy as np
import pytest
from small_datasets import publish_videos

from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose, table
from rotoscope.pipeline.export.rebuild import rebuild

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tools():
    from lerobot.datasets import dataset_tools

    return dataset_tools


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    a = publish_videos(folder / "a", [0, 1, 2, 3], license="CC-BY-4.0")
    return a, publish_videos(folder / "b", [7, 8], provenance={"recipe": "two"})


def opened(root):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("local/x", root=root, video_backend="pyav")


def check_facts(root, sources, numbers):
    """Every promised fact is there before the sidecars are written anew, and after."""
    known = [facts for source in sources for facts in facts_by_video(source).items()]
    for is_rebuilt in (False, True):
        if is_rebuilt:
            assert rebuild(root) == len(numbers)
        dataset = open_dataset(root)
        assert dataset.rotoscope("contract.json") == open_dataset(sources[0]).rotoscope(
            "contract.json"
        )
        found = [line_facts(dataset.episodes_meta[i]) for i in range(len(dataset))]
        assert found == [dict(known)[f"video{n:03d}.mp4"] for n in numbers]
        checks = {c.name: c for c in diagnose(root)}
        assert not [c for c in checks.values() if c.verdict == "FAIL"], table(checks.values())
        provenance = checks["provenance"]
        assert len(provenance.detail["makers"]) == len({n < 7 for n in numbers})
        assert sum(provenance.detail["licenses"].values()) == len(numbers)
        if is_rebuilt:
            assert provenance.verdict == "PASS"
            assert "CC-BY-4.0" in (root / "README.md").read_text()
            units = dataset.rotoscope("features.json")
            assert units["track.point"]["unit"] == "m"
            assert len(dataset.ledger()) == len(set(numbers))


def line_facts(line):
    return {key: line[key] for key in ("episode_id", "name", "source", "quality", "scene")}


def facts_by_video(root):
    return {m["name"]: line_facts(m) for m in open_dataset(root).episodes_meta.values()}


def test_two_datasets_merge_and_the_merged_one_is_edited_further(tools, sources, tmp_path):
    a, b = sources
    merged, less = tmp_path / "merged", tmp_path / "less"
    tools.merge_datasets([opened(a), opened(b)], "local/m", merged)
    tools.delete_episodes(opened(merged), [1, 4], less)  # before anything was written anew
    check_facts(less, sources, [0, 2, 3, 8])
    check_facts(merged, sources, [0, 1, 2, 3, 7, 8])
    again = tmp_path / "again"
    tools.merge_datasets([opened(less), opened(b)], "local/n", again)  # after a tool, and not
    check_facts(again, sources, [0, 2, 3, 8, 7, 8])


def test_split_and_edits_of_features_keep_them(tools, sources, tmp_path):
    a, _ = sources
    parts = tools.split_dataset(opened(a), {"train": [0, 2], "val": [1, 3]}, tmp_path / "parts")
    check_facts(parts["train"].root, sources, [0, 2])
    check_facts(parts["val"].root, sources, [1, 3])
    rows = opened(a).meta.total_frames
    extra = {"dtype": "float32", "shape": (1,), "names": ["extra"]}
    values = np.zeros((rows, 1), np.float32)
    tools.add_features(opened(a), {"next.extra": (values, extra)}, tmp_path / "more")
    check_facts(tmp_path / "more", sources, [0, 1, 2, 3])
    tools.remove_feature(opened(a), ["track.seen"], tmp_path / "fewer")
    check_facts(tmp_path / "fewer", sources, [0, 1, 2, 3])


def test_edits_in_place_keep_them_and_the_card_follows(tools, sources, tmp_path):
    for name in ("tasks", "statistics"):
        shutil.copytree(sources[0], tmp_path / name)
    tools.modify_tasks(opened(tmp_path / "tasks"), new_task="push it", episode_tasks={1: "pull"})
    said = {c.name: c for c in diagnose(tmp_path / "tasks")}["provenance"]
    assert (said.verdict, "its task is not what episodes.jsonl says" in said.message) == (
        "WARN",
        True,
    )
    check_facts(tmp_path / "tasks", sources, [0, 1, 2, 3])
    lines = (tmp_path / "tasks" / "meta/rotoscope/episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["task"] for line in lines] == ["push it", "pull", "push it", "push it"]
    tools.recompute_stats(opened(tmp_path / "statistics"))
    check_facts(tmp_path / "statistics", sources, [0, 1, 2, 3])


def test_columns_of_text_pass_through_torchs_own_collate(sources):
    from torch.utils.data import DataLoader

    batch = next(iter(DataLoader(opened(sources[0]), batch_size=4)))
    assert [json.loads(text)["video"] for text in batch["label.source"]] == ["video000.mp4"] * 4
    assert batch["label.episode"][1:] == ["", "", ""]
