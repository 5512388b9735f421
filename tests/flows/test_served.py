"""`rotoscope serve` with all its processes: what is asked for is done, whatever ends meanwhile."""

import os
import shutil
import signal
import socket
import subprocess
import time

import httpx
import pytest
from served_runs import (
    ROOT,
    Serving,
    lamp_recipe,
    most_at_once,
    wait_for,
    write_videos,
)
from video_files import write_video

from rotoscope.pipeline.processes import safe_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def serving(tmp_path):
    found = Serving(tmp_path, "--workers", "2")
    yield found
    found.end()
    assert not found.processes("")


def fields_of(tmp_path, recipe, **more):
    videos = str(tmp_path / "videos")
    return {"videos": videos, "out": "lamps", "recipe": "file", "recipe_file": str(recipe)} | more


def test_workers_hold_and_a_deleted_store_changes_nothing_of_it(serving, tmp_path):
    recipe = lamp_recipe(tmp_path / "recipe", seconds=2)
    write_videos(tmp_path / "videos", 4)
    for _ in range(2):
        run = serving.start("label", **fields_of(tmp_path, recipe, workers=2, report=False))
        assert serving.finish(run)[:2] == ("Completed", "COMPLETED")
        assert most_at_once(tmp_path / "recipe") == 2
        shutil.rmtree(tmp_path / "store")
        (tmp_path / "recipe" / "log").unlink()
    looked = serving.start("doctor", dataset="lamps")
    report = serving.start("report", dataset="lamps", episodes=1)
    again = serving.start("retry", dataset="lamps", allow_code=True, report=False)
    planned = serving.start("label", **fields_of(tmp_path, recipe, dry_run=True))
    assert serving.finish(looked)[1] in ("COMPLETED", "FAILED")
    assert "| verdict |" in serving.artifacts(looked)["lamps-doctor"]["data"]
    assert serving.finish(report)[1] == "COMPLETED"
    assert serving.finish(report)[2] == f"report: {serving.reports}/0/lamps.report.html"
    assert serving.finish(again)[:2] == ("Completed", "COMPLETED")
    assert serving.finish(planned)[0] == "Dry run"


def test_run_goes_on_after_its_runner_was_killed(serving, tmp_path):
    recipe = lamp_recipe(tmp_path / "recipe", seconds=3)
    write_videos(tmp_path / "videos", 4)
    run = serving.start("label", **fields_of(tmp_path, recipe, workers=1, report=False))
    ledger = serving.root / "lamps.rotoscope" / "ledger.jsonl"
    wait_for(lambda: ledger.is_file() and ledger.read_text().count("\n") == 2)
    (runner,) = serving.processes("rotoscope.flows.runner")
    os.kill(runner, signal.SIGKILL)
    wait_for(lambda: not serving.processes("prefect.engine"))
    assert serving.finish(run)[:2] == ("Completed", "COMPLETED")
    assert (serving.root / "lamps" / "meta" / "info.json").is_file()
    begun = (tmp_path / "recipe" / "log").read_text().count("begin")
    assert begun <= 5  # four videos, and the one that was being worked on
    assert f"started again: {serving.ask(f'flow_runs/{run}')['name']}" in serving.said()


def test_schedule_takes_what_stood_still(tmp_path):
    videos, recipe = tmp_path / "lamps", lamp_recipe(tmp_path / "recipe")
    videos.mkdir()
    options = ["--watch", str(videos), "--every", "10", "--recipe", str(recipe)]
    serving = Serving(tmp_path, *options)
    try:
        write_video(videos / "a.mp4", frames=45, fps=30, size=(64, 48))
        whole = (videos / "a.mp4").read_bytes()

        def scheduled(name):
            where = {"flow_runs": {"state": {"name": {"any_": [name]}}}}
            return [r for r in serving.ask("flow_runs/filter", where) if r["auto_scheduled"]]

        with (videos / "b.mp4").open("wb") as growing:
            for number in range(200):
                growing.write(whole[number * 10 : number * 10 + 10])
                growing.flush()
                if scheduled("Completed"):
                    break
                time.sleep(1)
        (run,) = scheduled("Completed")
        rows = serving.artifacts(run["id"])["lamps-videos"]["data"]
        assert "a.mp4" in rows
        assert "b.mp4" not in rows
        assert (serving.root / "lamps" / "meta" / "info.json").is_file()
        assert wait_for(lambda: scheduled("Nothing new") or scheduled("Completed with failures"))
    finally:
        serving.end()


def test_watched_folder_goes_on_after_serve_was_killed_while_it_labeled(tmp_path):
    videos = write_videos(tmp_path / "lamps", 1)
    recipe = lamp_recipe(tmp_path / "recipe", seconds=9)
    options = ["--watch", str(videos), "--every", "10", "--recipe", str(recipe)]
    serving = Serving(tmp_path, *options)
    wait_for((tmp_path / "recipe" / "log").is_file)
    serving.process.kill()
    wait_for(lambda: not serving.processes(""))
    # Whoever clears the marks away loses the run, never the looks that come.
    shutil.rmtree(serving.root / ".rotoscope" / "runs")
    serving = Serving(tmp_path, *options)
    try:
        wait_for((serving.root / "lamps" / "meta" / "info.json").is_file)
        assert "Aborted submission" not in serving.said()
        assert (tmp_path / "prefect" / "ui" / "v2").is_dir()
    finally:
        serving.end()


def external(tmp_path, port):
    """A Prefect server of somebody else's."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
    server = subprocess.Popen(
        [*safe_python(), "-m", "prefect", "server", "start", "--port", str(port)],
        cwd=tmp_path,
        env=clean | {"PREFECT_HOME": str(tmp_path / "other"), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )

    def answers():
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    wait_for(answers)
    return server


def test_server_that_is_away_for_a_minute_costs_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = external(tmp_path, port)
    serving = Serving(tmp_path, PREFECT_API_URL=f"http://127.0.0.1:{port}/api")
    try:
        recipe = lamp_recipe(tmp_path / "recipe", seconds=3)
        write_videos(tmp_path / "videos", 4)
        run = serving.start("label", **fields_of(tmp_path, recipe, report=False))
        log = tmp_path / "recipe" / "log"
        wait_for(lambda: log.is_file() and log.read_text().count("end") == 1)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        time.sleep(65)
        assert log.read_text().count("end") == 4
        assert serving.process.poll() is None
        server = external(tmp_path, port)
        assert serving.finish(run)[:2] == ("Completed", "COMPLETED")
        assert log.read_text().count("begin") == 4
        again = serving.start("doctor", dataset="lamps")
        assert serving.finish(again)[1] in ("COMPLETED", "FAILED")
        assert "Traceback" not in serving.said()
    finally:
        serving.end()
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_own_server_that_is_killed_is_started_again_at_its_place(serving, tmp_path):
    (server,) = serving.processes("rotoscope.flows.server")
    os.kill(server, signal.SIGKILL)
    run = wait_for(lambda: try_to(lambda: serving.start("doctor", dataset="none")))
    name, kind, message = serving.finish(run)
    assert (name, kind) == ("Refused", "FAILED")
    assert "dataset 'none' is not there; give a whole path" in message
    assert not [line for line in serving.logs(run) if "Traceback" in line]


def try_to(call):
    try:
        return call()
    except (httpx.TransportError, KeyError, AssertionError):
        return None


def test_password_opens_the_server_and_is_written_nowhere(tmp_path):
    secret = "ann:correct-horse-battery"
    serving = Serving(tmp_path, "--host", "0.0.0.0", PREFECT_SERVER_API_AUTH_STRING=secret)
    try:
        serving.page = serving.page.replace(serving.page.split(":")[1], "//127.0.0.1")
        assert httpx.post(f"{serving.page}/api/flow_runs/filter", json={}).status_code == 401
        recipe = lamp_recipe(tmp_path / "recipe")
        write_videos(tmp_path / "videos", 1)
        run = serving.start("label", **fields_of(tmp_path, recipe))
        assert serving.finish(run)[:2] == ("Completed", "COMPLETED")
        url = serving.reports.replace(serving.reports.split(":")[1], "//127.0.0.1")
        assert httpx.get(f"{url}/0/lamps.report.html").status_code == 401
        assert httpx.get(f"{url}/0/lamps.report.html", auth=tuple(secret.split(":"))).is_success
    finally:
        serving.end()
    written = [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_symlink()]
    assert len(written) > 20
    assert [p for p in written if b"correct-horse" in p.read_bytes()] == []
