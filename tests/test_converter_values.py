"""Golden values of converted actions, and which columns belong together."""

import numpy as np
import pytest
from action_contracts import EFFECTOR, JOINTS, TWO_ARMS, contract_of

from rotoscope.pipeline.contract import Dimension, GripperContract
from rotoscope.pipeline.converters import (
    absolute,
    blocks,
    convert_gripper,
    effector_delta,
    effector_relative,
    joint_delta,
    joint_relative,
)
from rotoscope.pipeline.errors import ContractError


def assert_same(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("form", "lower", "upper", "rate", "unit"),
    [
        ("percent", 0, 100, 125, "percent"),
        ("fraction", 0, 1, 1.25, "1"),
        ("width_m", 0, 0.08, 0.1, "m"),
        ("positive_open", -1, 1, 2.5, "1"),
        ("positive_closed", -1, 1, 2.5, "1"),
        ("percent_closed", 0, 100, 125, "percent"),
        ("fraction_closed", 0, 1, 1.25, "1"),
    ],
)
def test_golden_limits_of_a_gripper(form, lower, upper, rate, unit):
    # 125 percent a second of 100, 1, 0.08 or 2 from end to end; inverted limits change places.
    dimension = convert_gripper(np.zeros((1, 4)), JOINTS, to=form)[1].dimensions[3]
    found = (dimension.lower, dimension.upper, dimension.max_rate)
    assert found == pytest.approx((lower, upper, rate), abs=1e-12)
    assert dimension.unit == unit


def test_gripper_whose_zero_is_open_keeps_its_meaning():
    held = GripperContract(closed=0.9, open=0.1, max_opening_m=0.08)
    bounds = {"lower": 0.2, "upper": None, "max_rate": None}
    dimension = Dimension(name="g", quantity="gripper", unit="rad", **bounds)
    contract = contract_of(dimension).model_copy(update={"gripper": held})
    there, new = convert_gripper(np.array([[0.9], [0.1], [0.3]]), contract, to="width_m")
    assert there[:, 0] == pytest.approx([0.0, 0.08, 0.06], abs=1e-12)
    # The lower limit of the number is the upper one of the width.
    limits = new.dimensions[0]
    assert (limits.lower, limits.max_rate) == (None, None)
    assert limits.upper == pytest.approx(0.07, abs=1e-12)
    stuck = contract.model_copy(
        update={"gripper": GripperContract(closed=5.0, open=5.0, max_opening_m=0.08)}
    )
    with pytest.raises(ContractError, match=r"the gripper's number is 5\.0 both open and closed"):
        convert_gripper(np.zeros((1, 1)), stuck, to="width_m")


def test_golden_pose_deltas():
    # Two steps of 1 m along the arm's own x with a quarter turn about z between them.
    quarter = np.pi / 2
    rows = np.array(
        [
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, 0.0, 0.0, quarter, 2.0],
            [1.0, 1.0, 0.0, 0.0, 0.0, quarter, 3.0],
        ]
    )
    own = [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, quarter, 2], [1, 0, 0, 0, 0, 0, 3]]
    base = [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, quarter, 2], [0, 1, 0, 0, 0, 0, 3]]
    for axes, expected in (("effector", own), ("base", base)):
        there, contract = effector_delta(rows, EFFECTOR, axes=axes)
        assert_same(there, np.array(expected, float))
        assert contract.mode == "delta"
        assert (contract.reference.row, contract.reference.axes) == ("previous_row", axes)
        assert_same(absolute(there, contract, reference=rows[0])[0], rows)
    relative = effector_relative(rows, EFFECTOR, axes="effector", reference=rows[1])[0]
    assert_same(relative[2], np.array([1.0, 0, 0, 0, 0, 0, 3.0]))
    assert_same(relative[0], np.array([0, 1.0, 0, 0, 0, -quarter, 1.0]))


def test_golden_joint_differences():
    rows = np.array([[0.1, 0.2, 0.3, 10.0], [0.4, 0.2, 0.0, 20.0], [0.5, 0.0, 0.0, 30.0]])
    relative, contract = joint_relative(rows, JOINTS)
    assert_same(relative, rows - [0.1, 0.2, 0.3, 0.0])
    assert (contract.reference.row, contract.reference.axes) == ("first_row", "joint")
    delta, contract = joint_delta(rows, JOINTS)
    expected = [[0, 0, 0, 10.0], [0.3, 0, -0.3, 20.0], [0.1, -0.2, 0, 30.0]]
    assert_same(delta, np.array(expected))
    assert contract.reference.row == "previous_row"
    # Joints lose their limits, the gripper keeps them.
    assert (contract.dimensions[0].lower, contract.dimensions[0].upper) == (None, None)
    assert contract.dimensions[0].max_rate is None
    assert contract.dimensions[3] == JOINTS.dimensions[3]


def test_deltas_of_no_rows_are_no_rows():
    contract = joint_delta(np.zeros((1, 4)), JOINTS)[1]
    back, again = absolute(np.zeros((0, 4)), contract, reference=np.zeros(4))
    assert back.shape == (0, 4)
    assert again == JOINTS


def test_each_arm_counts_from_its_own_reference():
    rows = np.random.default_rng(6).normal(0.0, 0.4, (4, 14))
    there, contract = effector_relative(rows, TWO_ARMS, axes="effector")
    for at in (0, 7):
        alone, _ = effector_relative(rows[:, at : at + 7], EFFECTOR, axes="effector")
        assert_same(there[:, at : at + 7], alone)
    assert_same(absolute(there, contract, reference=rows[0])[0], rows)


def numbered(*names_and_quantities):
    return contract_of(*(Dimension(name=n, quantity=q, unit="1") for n, q in names_and_quantities))


def test_columns_of_one_end_effector_share_what_their_names_begin_with():
    names = ["x", "left.ee.x", "y", "left.ee.y", "z", "left.ee.z"]
    rotations = [f"left.ee.q{i}" for i in range(4)]
    contract = numbered(
        *((n, "position") for n in names),
        ("grip", "gripper"),
        *((r, "quaternion") for r in rotations),
    )
    assert blocks.poses(contract) == [
        blocks.Pose("", (0, 2, 4), ()),
        blocks.Pose("left.ee", (1, 3, 5), (7, 8, 9, 10)),
    ]
    assert blocks.columns(contract, "gripper", "quaternion") == [6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("quantities", "message"),
    [
        (["rotation_vector"] * 2, "has 2 rotation numbers of kind"),
        (["quaternion"] * 5, "has 5 rotation numbers of kind"),
        (["quaternion", "quaternion", "gripper", "quaternion", "quaternion"], "are neighbors"),
        (["rotation_vector"] * 3 + ["rot6d"] * 6, "has 9 rotation numbers of kind"),
        (["position"] * 2, "has 2 position numbers, not x, y and z"),
        (["position"] * 4, "has 4 position numbers, not x, y and z"),
    ],
)
def test_numbers_that_make_no_pose_are_refused(quantities, message):
    contract = numbered(*((f"ee.{i}", q) for i, q in enumerate(quantities)))
    with pytest.raises(ContractError, match=message):
        blocks.poses(contract)


@pytest.mark.parametrize(("quantity", "size"), [("rotation_vector", 3), ("quaternion", 4)])
@pytest.mark.parametrize("num_positions", [0, 3])
def test_numbers_that_make_a_pose_are_taken(quantity, size, num_positions):
    positions = [(f"ee.p{i}", "position") for i in range(num_positions)]
    contract = numbered(*positions, *((f"ee.r{i}", quantity) for i in range(size)))
    (pose,) = blocks.poses(contract)
    assert (len(pose.position), len(pose.rotation)) == (num_positions, size)
