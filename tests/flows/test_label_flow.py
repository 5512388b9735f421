"""One real flow run on an ephemeral server; the rest of the flow is plain functions."""

import json
import time
from pathlib import Path

import pytest
import yaml
from video_files import write_video

TINY = Path(__file__).parents[1] / "run" / "tiny_stages.py"


@pytest.fixture
def prefect_home(tmp_path, monkeypatch):
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.timeout(280)
def test_flow_publishes_the_dataset_and_shows_what_failed(prefect_home, tmp_path):
    from rotoscope.flows.label import run

    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a.mp4", frames=45, fps=30, size=(64, 48))
    (videos / "broken.mp4").write_text("this is no video")
    recipe = tmp_path / "lamp.yaml"
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    export = {"width": 64, "height": 48}
    recipe.write_text(yaml.safe_dump({"name": "lamp", "stages": stages, "export": export}))
    result = run(
        [str(videos)],
        out=str(tmp_path / "out"),
        recipe=str(recipe),
        store=str(tmp_path / "store"),
        workers=2,
    )
    assert {r.name: r.status for r in result.rows} == {"a.mp4": "done", "broken.mp4": "failed"}
    assert result.exit_code == 1
    assert (tmp_path / "out" / "meta" / "info.json").is_file()
    shown = {a["key"]: a for a in artifacts() if a["key"]}
    assert "broken.mp4" in shown["out-failures"]["data"]
    assert "rotoscope retry" in shown["out-failures"]["data"]
    assert "| done | 1 |" in shown["out-summary"]["data"]
    assert shown["out-summary"]["description"].startswith("lamp")
    rows = {row["video"]: row for row in json.loads(shown["out-videos"]["data"])}
    assert rows["a.mp4"]["frames"] == 45
    assert rows["a.mp4"]["CPU [s]"] > 0
    assert rows["a.mp4"]["memory [GiB]"] > 0
    assert rows["a.mp4"]["valid"] == "100%"
    assert shown["out-progress"]["data"] == 100
    assert "2/2 videos" in shown["out-progress"]["description"]
    assert [(r["state_name"], r["state_type"]) for r in ask("flow_runs/filter")] == [
        ("Completed with failures", "FAILED")
    ]
    said: list[str] = []
    # Prefect sends lines from a thread of its own, and may not have when a flow has ended.
    for _ in range(100):
        said = [line["message"] for line in ask("logs/filter")]
        if any("broken.mp4" in line for line in said):
            break
        time.sleep(0.2)
    assert len([line for line in said if "broken.mp4" in line]) == 1
    assert not [line for line in said if "Traceback" in line]


def artifacts():
    return ask("artifacts/filter")


def ask(what):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client._client.post(f"/{what}", json={"limit": 200}).json()
