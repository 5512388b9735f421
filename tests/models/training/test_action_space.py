"""Each kind of action number goes through a network and back as what it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.geometry import se3


def space_of(*dimensions, **facts):
    made = [Dimension(name=f"d{i}", **d) for i, d in enumerate(dimensions)]
    contract = ActionContract(robot="r", dimensions=tuple(made), rate_hz=10, shift_s=0, **facts)
    return ActionSpace.of(contract)


POSITION = {"quantity": "position", "unit": "m"}
ANGLE = {"quantity": "joint", "unit": "rad"}
TURN = {"quantity": "rotation_vector", "unit": "rad"}
CHOICE = {"quantity": "discrete", "unit": "1", "lower": 1, "upper": 3}
GRIPPER = {"quantity": "gripper", "unit": "percent", "lower": 0, "upper": 100}


@given(st.integers(0, 2**32 - 1))
def test_mixed_actions_survive_the_round_trip(seed):
    space = space_of(POSITION, ANGLE, TURN, TURN, TURN, CHOICE, GRIPPER)
    generator = np.random.default_rng(seed)
    values = np.concatenate(
        [
            generator.normal(size=(5, 1)),
            generator.uniform(-3.1, 3.1, (5, 1)),
            generator.uniform(-1.7, 1.7, (5, 3)),
            generator.integers(1, 4, (5, 1)),
            generator.uniform(0, 100, (5, 1)),
        ],
        axis=1,
    )
    np.testing.assert_allclose(space.decode(space.encode(values)[None]), values, atol=1e-6)


def test_angles_are_averaged_across_the_seam():
    space = space_of(ANGLE)
    members = np.stack([space.encode(np.array([[3.0]])), space.encode(np.array([[-3.0]]))])
    assert abs(space.decode(members)[0, 0]) == pytest.approx(np.pi)


def test_rotations_are_averaged_on_so3():
    space = space_of(TURN, TURN, TURN)
    a, b = np.array([[0, 0, 3.0]]), np.array([[0, 0, -3.0]])
    mean = space.decode(np.stack([space.encode(a), space.encode(b)]))
    assert np.linalg.norm(mean) == pytest.approx(np.pi, abs=1e-6)


def test_rotation_errors_are_angles_between():
    space = space_of(TURN, TURN, TURN)
    a, b = np.array([[0, 0, 3.1]]), np.array([[0, 0, -3.1]])
    assert np.linalg.norm(space.error(a, b)) == pytest.approx(2 * np.pi - 6.2, abs=1e-6)


def test_error_weights_match_small_rotations():
    space = space_of(TURN, TURN, TURN)
    generator = np.random.default_rng(0)
    base = generator.normal(size=(4000, 3))
    turned = se3.log_so3(se3.exp_so3(base) @ se3.exp_so3(0.01 * generator.normal(size=(4000, 3))))
    squared = (space.encode(turned) - space.encode(base)) ** 2 @ space.error_weights()
    true = space.error(turned, base) ** 2
    np.testing.assert_allclose(squared.mean(0), true.mean(0), rtol=0.05)


def test_predictions_stay_inside_the_limits():
    space = space_of(GRIPPER)
    assert space.decode(np.array([[[130.0]]]))[0, 0] == 100


def test_joint_with_limits_is_a_plain_number():
    assert space_of(ANGLE | {"lower": -2.0, "upper": 2.0}).num_encoded == 1


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ([{"quantity": "rot6d", "unit": "1"}] * 6, "learns rotation vectors or quaternions"),
        ([TURN, TURN], "needs 3 dimensions one after the other"),
        ([{"quantity": "discrete", "unit": "1"}], "needs lower and upper"),
    ],
)
def test_what_cannot_be_learned_is_refused(dimensions, message):
    with pytest.raises(ContractError, match=message):
        space_of(*dimensions)


def test_choice_outside_the_contract_is_refused():
    with pytest.raises(ContractError, match="the contract allows 1 to 3"):
        space_of(CHOICE).encode(np.array([[4.0]]))


def test_quaternions_of_another_order_are_refused():
    quaternion = [{"quantity": "quaternion", "unit": "1"}] * 4
    with pytest.raises(ContractError, match="stored xyzw"):
        space_of(*quaternion, rotation="quaternion xyzw")
