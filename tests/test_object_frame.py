"""End-effector poses in the frame of a thing, and back."""

import numpy as np
import pytest
from action_contracts import EFFECTOR, JOINTS, TWO_ARMS
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.converters import joint_relative, to_base_frame, to_object_frame
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.geometry import se3


def poses(num: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return se3.make(se3.exp_so3(rng.uniform(-1, 1, (num, 3))), rng.uniform(-1, 1, (num, 3)))


@pytest.mark.parametrize("contract", [EFFECTOR, TWO_ARMS])
@pytest.mark.parametrize("per_row", [False, True])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_there_and_back_is_the_same(contract, per_row, seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (6, len(contract.dimensions)))
    T = poses(6 if per_row else 1, seed + 1)
    seen, seen_contract = to_object_frame(values, contract, T_base_object=T)
    back, back_contract = to_base_frame(seen, seen_contract, T_base_object=T)
    np.testing.assert_allclose(back, values, atol=1e-9)
    assert back_contract == contract
    assert seen_contract.frame.startswith("object")


def test_an_effector_at_the_thing_is_at_its_origin_and_the_gripper_stays():
    T = poses(1, 3)
    at_thing = np.concatenate([T[0, :3, 3], se3.log_so3(T[:, :3, :3])[0], [40.0]])[None]
    seen, _ = to_object_frame(at_thing, EFFECTOR, T_base_object=T)
    np.testing.assert_allclose(seen[0], [0, 0, 0, 0, 0, 0, 40.0], atol=1e-9)


def test_the_same_motion_at_another_place_of_the_thing_is_the_same_seen_from_it():
    values = np.random.default_rng(0).uniform(-1, 1, (5, 7))
    first, elsewhere = poses(1, 1), poses(1, 2)
    seen, contract = to_object_frame(values, EFFECTOR, T_base_object=first)
    moved, base = to_base_frame(seen, contract, T_base_object=elsewhere)
    again, _ = to_object_frame(moved, base, T_base_object=elsewhere)
    np.testing.assert_allclose(again, seen, atol=1e-9)
    assert np.abs(moved - values)[:, :3].max() > 0.1


def test_rows_of_an_unknown_thing_are_unknown():
    T = poses(3, 4)
    T[1] = np.nan
    seen, _ = to_object_frame(np.ones((3, 7)), EFFECTOR, T_base_object=T)
    assert np.isnan(seen[1, :6]).all()
    assert np.isfinite(seen[[0, 2]]).all()


def test_what_is_no_pose_in_the_base_frame_is_refused():
    values, T = np.zeros((2, 7)), poses(1, 5)
    seen, contract = to_object_frame(values, EFFECTOR, T_base_object=T)
    with pytest.raises(ContractError, match="in the frame 'robot base"):
        to_object_frame(seen, contract, T_base_object=T)
    with pytest.raises(ContractError, match='in the frame "object'):
        to_base_frame(values, EFFECTOR, T_base_object=T)
    with pytest.raises(ContractError, match="no end-effector pose"):
        to_object_frame(np.zeros((2, 4)), JOINTS, T_base_object=T)
    relative, other = joint_relative(np.zeros((2, 4)), JOINTS)
    with pytest.raises(ContractError, match="must be absolute"):
        to_object_frame(relative, other, T_base_object=T)
    with pytest.raises(ContractError, match="rigid motions"):
        to_object_frame(values, EFFECTOR, T_base_object=2 * T)
    with pytest.raises(ContractError, match="one for each of the 2 rows, got 3"):
        to_object_frame(values, EFFECTOR, T_base_object=poses(3, 1))
