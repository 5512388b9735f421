"""Goldens notice what they are for: small changes of a stage, and no rounding."""

import json

import numpy as np
import pytest
import write
from golden_cases import CASES, digest_now, load, path_of
from golden_digest import differences, digest_of

from rotoscope.models.inverse_dynamics.networks import with_motion
from rotoscope.pipeline.stages.curate import Curate, CurateConfig
from rotoscope.pipeline.tracks import runs

CONSTANTS = {
    "shots": "rotoscope.pipeline.stages.shots.CONTRAST",
    "hands": "rotoscope.models.hands.plausibility._HALF_SCORE_RESIDUAL",
    "body": "rotoscope.models.bodies.joints.JOINT_WEIGHTS",
    "camera": "rotoscope.pipeline.stages.camera.SIGMA_FOCAL_ASSUMED",
    "lift": "rotoscope.models.hands.lift_stage.PALM_PRIOR_M",
    "lift_body": "rotoscope.models.bodies.lift_stage.STATURE_PRIOR_M",
    "smooth": "rotoscope.pipeline.smoothing.layout.KNOT_INTERVAL_S",
    "ground": "rotoscope.retarget.ground.sole_heights.POINT_HEIGHT_M",
    "motion": "rotoscope.pipeline.motion.rest_skeleton._STATURE_M",
    "retarget.gripper": "rotoscope.retarget.gripper.pose.TOUCHING_M",
    "retarget.arm": "rotoscope.retarget.common.confidence.POSITION_M",
    "retarget.hand": "rotoscope.retarget.common.confidence.TIPS_M",
    "retarget.humanoid": "rotoscope.retarget.common.confidence.LIMBS_RAD",
    "label.inverse_dynamics": "rotoscope.models.inverse_dynamics.calibration.NORMAL_QUANTILE",
    "label.latent": "rotoscope.models.latent_actions.networks._GAIN",
}
"""A number of each stage that is made one percent larger."""


def changes(name):
    return differences(load(name)["digest"], digest_now(name), rtol=CASES[name].rtol)


def original(place):
    module, _, attribute = place.rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


@pytest.mark.parametrize(("name", "place"), CONSTANTS.items())
def test_a_constant_changed_by_one_percent(name, place, monkeypatch):
    monkeypatch.setattr(place, 1.01 * original(place))
    assert changes(name)


def less_motion(channels):
    channels = channels.clone()
    channels[..., 3:, :, :] *= 0.99
    return channels


@pytest.mark.parametrize(
    ("name", "place", "flawed"),
    [
        (
            "curate",  # a run of invalid frames may be one frame longer
            "rotoscope.pipeline.stages.curate.runs",
            lambda mask: [(a, max(a + 1, b - 1)) for a, b in runs(mask)],
        ),
        (
            "track.state",  # an open end counts as a short gap
            "rotoscope.models.states.stage.unseen_too_long",
            lambda time_s, values, max_gap_s: np.zeros(len(time_s), bool),
        ),
        (
            "track.colour",  # a pixel at the edge of a color counts fully
            "rotoscope.models.colors.stage.color_weights",
            lambda hue, chroma, color: np.where(
                np.abs((hue - np.float32(color.hue_deg) + 180) % 360 - 180)
                <= np.float32(color.tolerance_deg),
                chroma,
                np.float32(0),
            ),
        ),
        (
            "label.pixels",  # the change of a picture is enlarged by one percent less
            "rotoscope.models.inverse_dynamics.labeler.with_motion",
            lambda images, before: less_motion(with_motion(images, before)),
        ),
        (
            "episodes",  # a row counts as seen where one of its two frames was
            "rotoscope.pipeline.episodes.resample.Resampler.both",
            lambda self, seen: seen[self.left] | seen[self.right],
        ),
    ],
)
def test_a_flaw_in_a_decision(name, place, flawed, monkeypatch):
    monkeypatch.setattr(place, flawed)
    assert changes(name)


def test_a_comparison_that_was_turned_round(monkeypatch):
    def turned(*what):
        return "" if Curate._reject(*what) else "too_short"

    found = type("Turned", (Curate,), {"_reject": staticmethod(turned)})
    monkeypatch.setattr("rotoscope.pipeline.stages.curate.Curate", found)
    assert found(CurateConfig()).version == Curate.version
    assert changes("curate")


def one_array(change=lambda values: values):
    values = np.random.default_rng(0).normal(size=(60, 21, 3))
    values[10:12] = np.nan
    return digest_of({"a": change(values)})


def with_value(values, at, value):
    values = values.copy()
    values[at] = value
    return values


@pytest.mark.parametrize(
    "change",
    [
        lambda v: with_value(v, (30, 4, 1), 1.01 * v[30, 4, 1]),
        lambda v: with_value(v, (12, 0, 0), np.nan),
        lambda v: np.roll(v, 1, axis=0),
        lambda v: v[:-1],
        lambda v: np.isfinite(v),
        lambda v: with_value(v, ..., v[:, ::-1]),
    ],
)
def test_one_number_a_gap_an_order_a_length_a_kind(change):
    assert differences(one_array(), one_array(change), rtol=1e-6)


def test_rounding_is_no_change():
    rng = np.random.default_rng(1)
    rounded = one_array(lambda v: v * (1 + 1e-12 * rng.normal(size=v.shape)))
    assert differences(one_array(), rounded, rtol=1e-9) == []
    assert differences(one_array(lambda v: 0 * v), one_array(lambda v: 1e-17 * v), rtol=1e-9) == []


def test_tracks_and_facts_that_come_and_go():
    before = digest_of({"facts": {"n": 3, "name": "a", "share": 0.5, "none": None}})
    assert differences(before, digest_of({"facts": {"n": 3, "name": "a", "share": 0.5}}), rtol=1)
    for name, value in {"n": 4, "name": "b", "share": 0.51, "none": 0}.items():
        facts = {"n": 3, "name": "a", "share": 0.5, "none": None} | {name: value}
        assert differences(before, digest_of({"facts": facts}), rtol=1e-3), name


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """Goldens of one stage in a folder that may be spoilt."""
    kept = path_of("camera").read_text()
    monkeypatch.setattr("golden_cases.DATA", tmp_path)
    path_of("camera").write_text(kept)
    return path_of("camera")


def test_writing_refuses_another_output_of_the_same_version(own_data, monkeypatch, capsys):
    before = own_data.read_text()
    assert write.main(["camera"]) == 0
    monkeypatch.setattr(CONSTANTS["camera"], 0.2)
    assert write.main(["camera"]) == 1
    assert "bump the version of CameraStage in rotoscope.pipeline.stages.camera, now '3'" in (
        capsys.readouterr().out
    )
    assert own_data.read_text() == before
    monkeypatch.setattr("rotoscope.pipeline.stages.camera.CameraStage.version", "4")
    assert write.main(["camera"]) == 0
    assert json.loads(own_data.read_text())["version"] == "4"
    assert changes("camera") == []
