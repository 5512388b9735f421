"""Every form, started as the page starts it, by a `rotoscope serve` with all its processes."""

import json

import pytest
from served_runs import Serving, lamp_recipe, write_videos

from benchmarks._small_dataset import publish_small

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TASK = "gymnasium:CartPole-v1"
QUICK = "loop.num_steps=4\nloop.batch_size=4"


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    found = Serving(tmp_path_factory.mktemp("served"), "--workers", "2", "--runs", "1")
    publish_small(found.root / "small", episodes=4, rows=40)
    yield found
    found.end()
    assert not found.processes("")


def done(serving, form, **fields):
    """What a run says that was started by a form and completed."""
    name, kind, message = serving.finish(serving.start(form, **fields))
    assert (name, kind) == ("Completed", "COMPLETED"), message
    return message


def test_labeler_is_trained_and_labels_a_dataset(serving):
    overrides = "inputs=[observation.state]\nkind=ridge"
    said = done(serving, "train-inverse-dynamics", data="small", out="labeler", overrides=overrides)
    metrics = json.loads((serving.root / "labeler" / "metrics.json").read_text())
    assert said.startswith(f"mean_r2 {metrics['mean_r2']}")
    said = done(serving, "relabel", data="small", labeler="labeler", out="labeled", all_rows=True)
    assert said.startswith("4 episodes, ")
    assert (serving.root / "labeled" / "meta" / "info.json").is_file()


def test_labeler_that_sees_through_states_is_trained(serving):
    fields = {"data": "small", "out": "through", "through": "observation.state"}
    overrides = "inputs=[track.point]\nkind=ridge"
    done(serving, "train-inverse-dynamics", overrides=overrides, **fields)
    assert (serving.root / "through.states").is_dir()


def test_latent_action_model_is_trained(serving):
    overrides = f"image_size=32\nsize=4\nhidden=16\n{QUICK}"
    done(serving, "train-latent-action", data="small", out="latent", overrides=overrides)
    metrics = json.loads((serving.root / "latent" / "metrics.json").read_text())
    assert "effective_rank" in metrics


def test_policy_is_trained_and_tried_and_bco_learns_from_the_same_data(serving):
    pytest.importorskip("gymnasium.envs.classic_control", reason="needs the extra `bench`")
    from rotoscope.models.simulators.record import record_dataset
    from rotoscope.models.simulators.rollout import scripted_expert
    from rotoscope.models.simulators.simulator import open_simulator

    simulator = open_simulator(TASK)
    record_dataset(simulator, scripted_expert(simulator), range(2), serving.root / "poles")
    overrides = "loop.num_steps=20\nhidden=[8]"
    done(serving, "train-policy", data="poles", out="policy", overrides=overrides)
    said = done(serving, "evaluate", policy="policy", env=TASK, out="tried", episodes=2, videos=1)
    found = json.loads((serving.root / "tried" / "results.json").read_text())
    assert said == f"{found['successes']} of 2 solved"
    done(serving, "train-bco", data="poles", env=TASK, out="bco", rounds=1)
    assert len(json.loads((serving.root / "bco" / "rounds.json").read_text())) == 1


def test_what_a_training_refuses_is_one_sentence(serving):
    fields = {"data": "small", "out": "blind", "overrides": "inputs=[track.nothing]"}
    run = serving.start("train-inverse-dynamics", **fields)
    name, _, message = serving.finish(run)
    assert name == "Refused"
    assert "has no feature 'track.nothing'" in message
    assert not [line for line in serving.logs(run) if "Traceback" in line]


def test_what_a_form_refuses_is_said_in_one_sentence(serving):
    name, kind, message = serving.finish(
        serving.start("train-policy", data="nothing", out="policy-of-nothing")
    )
    assert (name, kind) == ("Refused", "FAILED")
    assert message.startswith("dataset 'nothing' is not there")


@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_videos_are_labeled_and_tried_again_by_an_engine(serving, engine):
    pytest.importorskip(f"prefect_{engine}")
    recipe = lamp_recipe(serving.folder / "recipe")
    videos = write_videos(serving.folder / "videos", 2)
    (videos / "broken.mp4").write_text("this is no video")
    fields = {"videos": str(videos), "out": engine, "recipe": "file", "recipe_file": str(recipe)}
    run = serving.start("label", **fields, engine=engine, report=False)
    assert serving.finish(run)[0] == "Completed with failures"
    rows = json.loads(serving.artifacts(run)[f"{engine}-videos"]["data"])
    assert sorted(row["status"] for row in rows) == ["done", "done", "failed"]
    (videos / "broken.mp4").unlink()
    again = serving.start("retry", dataset=engine, allow_code=True, engine=engine, report=False)
    assert serving.finish(again)[0] == "Completed"
