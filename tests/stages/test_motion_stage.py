"""The stage that reads a motion file gives the body that a video would have given."""

import numpy as np
import pytest
from bvh_files import write_bvh

from rotoscope.pipeline.errors import MotionError, RecipeError
from rotoscope.pipeline.recipe import build_recipe
from rotoscope.pipeline.sources import open_motion
from rotoscope.pipeline.stages.motion import MotionConfig, MotionStage
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.pipeline.types import Clip

# fmt: off
HALF_M = [(0, 0.95, 0), (0.07, 0.86, 0), (0, 1.05, 0), (0.1, 0.48, 0), (0, 1.2, 0),
          (0.1, 0.08, -0.03), (0, 1.26, 0), (0.11, 0.02, 0.1), (0, 1.45, 0), (0.08, 1.38, 0),
          (0, 1.55, 0.03), (0.18, 1.4, 0), (0.44, 1.4, 0), (0.69, 1.4, 0), (0.78, 1.4, 0)]
# fmt: on
SMPL_M = np.array(
    [point for x, y, z in HALF_M for point in ([(x, y, z), (-x, y, z)] if x else [(x, y, z)])]
)
"""SMPL's 24 joints of a standing person, y up, looking along z."""


def clip_of(path, start=0, end=None):
    video, time_s = open_motion(path, sha256="0" * 64)
    return Clip(video, start, time_s[start:end])


def body_of(clip, **config):
    return MotionStage(MotionConfig(**config)).run(clip, {})["body.person0"]


@pytest.fixture
def bvh(tmp_path):
    return write_bvh(tmp_path / "step.bvh")


def test_person_stands_upright_in_meters(bvh):
    body = body_of(clip_of(bvh))
    at = dict(zip(BODY_JOINTS, body.joints_m[0], strict=True))
    assert at["head"][2] - at["left_toe"][2] == pytest.approx(1.65, abs=0.15)
    assert at["left_hip"][2] - at["left_ankle"][2] == pytest.approx(0.84, abs=1e-3)
    assert body.valid.all()
    assert (body.score == 1).all()
    assert body.T_world_source is None
    assert body.contact is None


def test_clip_in_the_middle_gets_its_own_frames(bvh):
    whole, part = body_of(clip_of(bvh)), body_of(clip_of(bvh, 20, 50))
    np.testing.assert_array_equal(part.joints_m, whole.joints_m[20:50])


def test_frames_with_nan_are_not_valid_and_absent_joints_do_not_matter(tmp_path):
    keypoints = np.repeat(SMPL_M[None], 30, axis=0)
    keypoints[7] = np.nan
    keypoints[11, 4] = np.nan
    np.save(tmp_path / "keypoints.npy", keypoints)
    body = body_of(clip_of(tmp_path / "keypoints.npy"))
    assert np.flatnonzero(~body.valid).tolist() == [7, 11]
    assert np.isnan(body.score[7])


def test_unit_of_the_recipe_is_believed(bvh):
    as_cm, as_inches = (body_of(clip_of(bvh), unit=unit) for unit in ("cm", "inch"))
    known = np.isfinite(as_cm.joints_m)
    np.testing.assert_allclose(as_inches.joints_m[known], 2.54 * as_cm.joints_m[known], rtol=1e-6)


def test_facts_of_the_reader_go_into_the_quality_record(bvh):
    facts = MotionStage(MotionConfig()).run(clip_of(bvh), {})["quality.motion.person0"].facts
    assert facts["motion_unit"] == "cm"
    assert facts["motion_up"] == "y"
    assert facts["motion_source"].startswith("bvh")


def test_file_that_changed_since_the_run_began_is_an_error(bvh):
    clip = clip_of(bvh)
    write_bvh(bvh, frames=50)
    with pytest.raises(MotionError, match=r"held 90 frames when the run began and holds 50 now"):
        body_of(clip)


def test_other_body_models_run_the_stage_again(tmp_path):
    stage = MotionStage(MotionConfig(body_models=tmp_path))
    before = stage.cache_token()
    (tmp_path / "smplx").mkdir()
    (tmp_path / "smplx" / "SMPLX_NEUTRAL.npz").write_bytes(b"model")
    assert stage.cache_token() != before
    assert MotionStage(MotionConfig()).cache_token() == ""


def test_recipe_takes_the_kind_of_file_that_its_stages_read():
    assert build_recipe({"stages": ["motion"]}).source == "motion"
    assert build_recipe({"stages": ["shots"]}).source == "video"
    with pytest.raises(RecipeError, match=r"'camera' looks at the pictures.*'motion' reads a mot"):
        build_recipe({"stages": ["motion", "camera"]})


@pytest.mark.realdata
def test_keypoints_with_their_own_contact_flags(shared_data):
    folder = shared_data / "pyroki" / "humanoid"
    body = body_of(clip_of(folder / "smpl_keypoints.npy"))
    left = np.load(folder / "left_foot_contact.npy").astype(bool)
    np.testing.assert_array_equal(body.contact[:, 0], left)
    assert body.valid.all()
