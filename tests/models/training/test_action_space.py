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


def quaternion_space():
    return space_of(*[{"quantity": "quaternion", "unit": "1"}] * 4)


def test_golden_blocks():
    space = space_of(POSITION, ANGLE, TURN, TURN, TURN, CHOICE)
    found = [(b.kind, b.columns, b.encoded, b.lower) for b in space.blocks]
    assert found == [
        ("plain", slice(0, 1), slice(0, 1), 0.0),
        ("circular", slice(1, 2), slice(1, 3), 0.0),
        ("rotation_vector", slice(2, 5), slice(3, 9), 0.0),
        ("discrete", slice(5, 6), slice(9, 12), 1.0),
    ]
    assert space.num_encoded == 12
    assert space.blocks[3].num_choices == 3
    assert space.is_discrete.tolist() == [False] * 5 + [True]


def test_golden_encoded_numbers():
    # sin and cos of 30 degrees; the first two columns of a quarter turn about z; choice 2 of 1..3.
    space = space_of(POSITION, ANGLE, TURN, TURN, TURN, CHOICE)
    row = np.array([[7.0, np.pi / 6, 0.0, 0.0, np.pi / 2, 2.0]])
    expected = [7.0, 0.5, 3**0.5 / 2, 0, 1, 0, -1, 0, 0, 0, 1, 0]
    np.testing.assert_allclose(space.encode(row)[0], expected, atol=1e-12)


def test_quaternions_are_normalized_and_come_back_with_positive_w():
    space = quaternion_space()
    half = 0.5**0.5
    encoded = space.encode(np.array([[-2.0, 0.0, 0.0, -2.0]]))
    np.testing.assert_allclose(encoded[0], [0, 1, 0, -1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(space.decode(encoded[None])[0], [half, 0, 0, half], atol=1e-12)


def test_columns_that_are_not_orthogonal_are_made_so_before_they_are_averaged():
    space = space_of(TURN, TURN, TURN)
    member = np.array([[[2.0, 0.0, 0.0, 5.0, 0.5, 0.0]]])
    np.testing.assert_allclose(space.decode(member), 0.0, atol=1e-12)
    # Two turns about z of 0.2 and 0.6 mean one of 0.4.
    members = np.stack([space.encode(np.array([[0, 0, a]])) for a in (0.2, 0.6)])
    np.testing.assert_allclose(space.decode(members)[0], [0, 0, 0.4], atol=1e-12)


def test_choices_are_the_likeliest_of_all_members():
    space = space_of(CHOICE)
    members = np.array([[[0.5, 0.0, 0.5]], [[0.0, 0.2, 0.8]]])
    assert space.decode(members).tolist() == [[3.0]]


def test_golden_errors():
    space = space_of(POSITION, ANGLE, CHOICE)
    values = np.array([[2.0, 3.0, 3.0], [1.0, 0.2, 2.0]])
    truth = np.array([[0.5, -3.0, 1.0], [1.0, 0.1, 2.0]])
    expected = [[1.5, 6.0 - 2 * np.pi, 1.0], [0.0, 0.1, 0.0]]
    np.testing.assert_allclose(space.error(values, truth), expected, atol=1e-12)
    assert values[0, 0] == 2.0


def test_rotation_errors_turn_from_the_truth_in_its_own_axes():
    # A quarter turn about z, then 0.3 about its own x.
    space = space_of(TURN, TURN, TURN)
    truth = np.array([[0.0, 0.0, np.pi / 2]])
    R = se3.exp_so3(truth) @ se3.exp_so3(np.array([[0.3, 0.0, 0.0]]))
    np.testing.assert_allclose(space.error(se3.log_so3(R), truth), [[0.3, 0, 0]], atol=1e-12)


def test_every_column_of_a_quaternion_holds_the_angle_between():
    space = quaternion_space()
    truth = np.array([[1.0, 0.0, 0.0, 0.0]])
    turned = np.array([[np.cos(0.2), np.sin(0.2), 0.0, 0.0]])
    np.testing.assert_allclose(space.error(turned, truth), np.full((1, 4), 0.4), atol=1e-12)


def test_golden_spread():
    # About their mean 2: sqrt((1 + 0 + 1) / 3); about 0 across the seam: 0.1.
    space = space_of(POSITION, ANGLE)
    values = np.array([[1.0, np.pi - 0.1], [2.0, np.pi], [3.0, -np.pi + 0.1]])
    expected = [(2 / 3) ** 0.5, 0.1 * (2 / 3) ** 0.5]
    np.testing.assert_allclose(space.spread(values), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("dimension", "width", "weight"),
    [(POSITION, 1, 1.0), (ANGLE, 2, 1.0), (CHOICE, 3, 0.5)],
)
def test_golden_error_weights(dimension, width, weight):
    np.testing.assert_array_equal(space_of(dimension).error_weights(), np.full((width, 1), weight))


def test_error_weights_of_rotations_do_not_reach_other_dimensions():
    space = space_of(POSITION, TURN, TURN, TURN)
    expected = np.zeros((7, 4))
    expected[0, 0], expected[1:, 1:] = 1.0, 0.25
    np.testing.assert_array_equal(space.error_weights(), expected)
    np.testing.assert_array_equal(quaternion_space().error_weights(), np.full((6, 4), 0.75))


@pytest.mark.parametrize(
    ("dimension", "facts", "kind"),
    [
        (ANGLE, {}, "circular"),
        (ANGLE, {"mode": "delta"}, "plain"),
        (ANGLE | {"lower": -3.0}, {}, "plain"),
        (ANGLE | {"upper": 3.0}, {}, "plain"),
        (ANGLE | {"unit": "m"}, {}, "plain"),
        (POSITION, {}, "plain"),
    ],
)
def test_only_absolute_angles_without_an_end_turn_round(dimension, facts, kind):
    assert space_of(dimension, **facts).blocks[0].kind == kind


@pytest.mark.parametrize(
    ("choice", "is_allowed"), [(0.4, False), (0.6, True), (3.4, True), (3.6, False)]
)
def test_choices_are_rounded_to_the_nearest(choice, is_allowed):
    space = space_of(CHOICE)
    if is_allowed:
        assert space.encode(np.array([[choice]])).sum() == 1
    else:
        with pytest.raises(ContractError, match="the contract allows 1 to 3"):
            space.encode(np.array([[choice]]))


@pytest.mark.parametrize("bounds", [{"lower": 1}, {"upper": 1}, {"lower": 1, "upper": 1}])
def test_choices_without_a_first_and_a_last_are_refused(bounds):
    with pytest.raises(ContractError, match="needs lower and upper, its first and last"):
        space_of({"quantity": "discrete", "unit": "1", **bounds})


def test_columns_of_nothing_decode_to_something_finite():
    space = space_of(TURN, TURN, TURN)
    assert np.isfinite(space.decode(np.zeros((1, 1, 6)))).all()


def test_means_of_opposite_turns_are_still_rotations():
    # Half a turn about x and about y: the mean matrix has no volume, and the nearest rotation to
    # it is one of determinant one.
    space = space_of(TURN, TURN, TURN)
    members = np.stack([space.encode(np.pi * np.eye(3)[None, k]) for k in (0, 1)])
    R = se3.exp_so3(space.decode(members))
    mean = 0.5 * (np.diag([1.0, -1, -1]) + np.diag([-1.0, 1, -1]))
    # The largest trace of mean' R over rotations: brute force over a fine grid of turns.
    rng = np.random.default_rng(0)
    turns = se3.exp_so3(rng.normal(0, 2.0, (20000, 3)))
    best = np.einsum("ij,nij->n", mean, turns).max()
    assert np.einsum("ij,nij->n", mean, R)[0] >= best - 1e-3
    np.testing.assert_allclose(np.linalg.det(R), 1.0)


def test_choices_are_right_or_wrong_by_half():
    space = space_of(CHOICE)
    found = space.error(np.array([[2.45], [2.55]]), np.array([[2.0], [2.0]]))
    assert found.tolist() == [[0.0], [1.0]]
