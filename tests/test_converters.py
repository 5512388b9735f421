import itertools

import jaxtyping
import numpy as np
import pytest
from action_contracts import EFFECTOR, JOINTS, TWO_ARMS, arm_dimensions, contract_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.converters import (
    GRIPPER_FORMS,
    ROTATIONS,
    absolute,
    convert_gripper,
    convert_rotation,
    effector_delta,
    effector_relative,
    joint_delta,
    joint_relative,
    rotation_of,
)
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.geometry import se3

TOLERANCE = 1e-9
FORMS = sorted(ROTATIONS)
ROWS = 6

numbers = st.floats(-3.0, 3.0, allow_subnormal=False)
joint_values = arrays(float, (ROWS, 4), elements=numbers)
pose_values = arrays(float, (ROWS, 7), elements=numbers).map(
    lambda v: np.concatenate([v[:, :3], short_turns(v[:, 3:6]), v[:, 6:]], axis=1)
)


def short_turns(rotvec):
    """Rotation vectors with angles below pi, where they are unique."""
    angle = np.linalg.norm(rotvec, axis=1, keepdims=True)
    return rotvec * np.minimum(1.0, 3.1 / np.maximum(angle, 1e-12))


def assert_same(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("form", FORMS)
@given(values=pose_values)
@settings(max_examples=40, deadline=None)
def test_rotations_come_back(form, values):
    there, contract = convert_rotation(values, EFFECTOR, to=form)
    back, again = convert_rotation(there, contract, to="rotation_vector")
    assert_same(back, values)
    assert again == EFFECTOR


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(FORMS, 2)))
def test_rotations_come_back_between_any_two_forms(first, second):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=(50, 3)), np.full((50, 4), 0.5)], axis=1)
    values[:, 3:6] = short_turns(rng.normal(0.0, 2.0, (50, 3)))
    start, contract = convert_rotation(values, EFFECTOR, to=first)
    there, other = convert_rotation(start, contract, to=second)
    back, again = convert_rotation(there, other, to=first)
    assert_same(back, start)
    assert again == contract
    assert rotation_of(other) == second


def test_every_form_says_what_its_numbers_are():
    R = se3.exp_so3(np.array([[0.3, -0.8, 1.1]]))
    values = np.concatenate([np.zeros((1, 3)), se3.log_so3(R), [[50.0]]], axis=1)
    for form in FORMS:
        new, contract = convert_rotation(values, EFFECTOR, to=form)
        named = {
            name.removeprefix("ee."): v for name, v in zip(contract.names, new[0], strict=True)
        }
        entries = {k: v for k, v in named.items() if k[0] == "r"}
        for name, value in entries.items():
            assert value == pytest.approx(R[0, int(name[1]) - 1, int(name[2]) - 1])
        if "qw" in named:
            q = se3.quat_from_matrix(R)[0]
            assert [named[k] for k in ("qw", "qx", "qy", "qz")] == pytest.approx(q.tolist())
        assert contract.rotation == ROTATIONS[form].text
        assert named["gripper_pos"] == 50.0


def test_quaternion_of_either_sign_is_the_same_rotation():
    values = np.array([[0.1, 0.2, 0.3, 0.5, -0.4, 0.2, 30.0]])
    there, contract = convert_rotation(values, EFFECTOR, to="quaternion_wxyz")
    there[:, 3:7] *= -1.0
    assert_same(convert_rotation(there, contract, to="rotation_vector")[0], values)


def test_rot6d_that_is_not_orthonormal_is_made_so():
    values = np.array([[0.1, 0.2, 0.3, 0.5, -0.4, 0.2, 30.0]])
    there, contract = convert_rotation(values, EFFECTOR, to="rot6d_columns")
    there[:, 6:9] += 0.7 * there[:, 3:6]
    there[:, 3:6] *= 3.0
    assert_same(convert_rotation(there, contract, to="rotation_vector")[0], values)


@pytest.mark.parametrize("form", FORMS)
def test_rows_that_are_nan_stay_nan(form):
    values = np.full((3, 7), 0.3)
    values[1] = np.nan
    there, contract = convert_rotation(values, EFFECTOR, to=form)
    assert np.isnan(there[1]).all()
    assert np.isfinite(there[[0, 2]]).all()
    assert_same(convert_rotation(there, contract, to="rotation_vector")[0], values)


def test_both_arms_are_converted():
    values = np.arange(14.0)[None] / 20
    there, contract = convert_rotation(values, TWO_ARMS, to="quaternion_xyzw")
    assert contract.names[3:7] == [f"left.ee.q{n}" for n in "xyzw"]
    assert contract.names[11:15] == [f"right.ee.q{n}" for n in "xyzw"]
    assert_same(convert_rotation(there, contract, to="rotation_vector")[0], values)


@pytest.mark.parametrize("form", sorted(GRIPPER_FORMS))
@given(values=joint_values)
@settings(max_examples=25, deadline=None)
def test_gripper_comes_back_with_its_limits(form, values):
    there, contract = convert_gripper(values, JOINTS, to=form)
    back, again = convert_gripper(there, contract, to="percent")
    assert_same(back, values)
    assert again.gripper == JOINTS.gripper
    old, new = JOINTS.dimensions[3], again.dimensions[3]
    assert (new.name, new.unit) == (old.name, old.unit)
    assert [new.lower, new.upper, new.max_rate] == pytest.approx([0, 100, 125])


@pytest.mark.parametrize(
    ("form", "closed", "half", "opened"),
    [
        ("percent", 0, 50, 100),
        ("fraction", 0, 0.5, 1),
        ("width_m", 0, 0.04, 0.08),
        ("positive_open", -1, 0, 1),
        ("positive_closed", 1, 0, -1),
        ("percent_closed", 100, 50, 0),
        ("fraction_closed", 1, 0.5, 0),
    ],
)
def test_gripper_form_means_what_its_name_says(form, closed, half, opened):
    values = np.zeros((3, 4))
    values[:, 3] = [0.0, 50.0, 100.0]
    there, contract = convert_gripper(values, JOINTS, to=form)
    assert there[:, 3] == pytest.approx([closed, half, opened])
    assert (contract.gripper.closed, contract.gripper.open) == (closed, opened)
    low, high = contract.bounds()
    assert sorted([closed, opened]) == pytest.approx([low[3], high[3]])
    assert not contract.violations(there).any()


def test_gripper_outside_its_range_is_not_clipped():
    values = np.array([[0.0, 0.0, 0.0, 140.0]])
    there, _ = convert_gripper(values, JOINTS, to="width_m")
    assert there[0, 3] == pytest.approx(0.112)


@pytest.mark.parametrize("convert", [joint_relative, joint_delta])
@given(values=joint_values)
@settings(max_examples=40, deadline=None)
def test_joint_differences_come_back(convert, values):
    there, contract = convert(values, JOINTS)
    back, again = absolute(there, contract, reference=values[0])
    assert_same(back, values)
    assert again == JOINTS


@pytest.mark.parametrize("axes", ["base", "effector"])
@pytest.mark.parametrize("convert", [effector_relative, effector_delta])
@given(values=pose_values)
@settings(max_examples=40, deadline=None)
def test_pose_differences_come_back(convert, axes, values):
    there, contract = convert(values, EFFECTOR, axes=axes)
    back, again = absolute(there, contract, reference=values[0])
    assert_same(back, values)
    assert again == EFFECTOR


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axes", ["base", "effector"])
def test_pose_differences_come_back_in_every_representation(axes, form):
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [rng.normal(size=(9, 3)), short_turns(rng.normal(size=(9, 3))), np.full((9, 1), 5.0)], 1
    )
    values, contract = convert_rotation(values, EFFECTOR, to=form)
    there, relative = effector_relative(values, contract, axes=axes)
    assert_same(absolute(there, relative, reference=values[0])[0], values)


def test_representation_and_gripper_may_change_while_relative():
    rng = np.random.default_rng(2)
    values = rng.normal(0.0, 0.5, (5, 7))
    there, contract = effector_relative(values, EFFECTOR, axes="effector")
    there, contract = convert_rotation(there, contract, to="rot6d_rows")
    there, contract = convert_gripper(there, contract, to="fraction")
    expected, expected_contract = convert_rotation(values, EFFECTOR, to="rot6d_rows")
    expected, expected_contract = convert_gripper(expected, expected_contract, to="fraction")
    back, again = absolute(there, contract, reference=expected[0])
    assert_same(back, expected)
    assert again == expected_contract


@pytest.mark.parametrize("axes", ["base", "effector"])
def test_state_for_every_row_can_be_the_reference(axes):
    rng = np.random.default_rng(3)
    values, states = rng.normal(0.0, 0.4, (2, 8, 7))
    there, contract = effector_relative(values, EFFECTOR, axes=axes, reference=states)
    assert contract.reference.row == "given_state"
    assert_same(absolute(there, contract, reference=states)[0], values)


def test_base_and_effector_axes_differ_as_they_say():
    quarter = np.pi / 2
    start = [1.0, 0.0, 0.0, 0.0, 0.0, quarter, 10.0]  # facing y
    end = [1.0, 2.0, 0.0, quarter, 0.0, 0.0, 20.0]
    values = np.array([start, end])
    in_base, _ = effector_relative(values, EFFECTOR, axes="base")
    in_effector, _ = effector_relative(values, EFFECTOR, axes="effector")
    assert in_base[1, :3] == pytest.approx([0.0, 2.0, 0.0])
    assert in_effector[1, :3] == pytest.approx([2.0, 0.0, 0.0], abs=1e-12)
    R_start, R_end = se3.exp_so3(values[:, 3:6])
    np.testing.assert_allclose(se3.exp_so3(in_base[1, 3:6]) @ R_start, R_end, atol=1e-12)
    np.testing.assert_allclose(R_start @ se3.exp_so3(in_effector[1, 3:6]), R_end, atol=1e-12)


def test_first_row_counts_as_zero_and_gripper_stays_absolute():
    values = np.random.default_rng(4).normal(0.0, 0.4, (5, 7))
    for convert in (effector_relative, effector_delta):
        there, contract = convert(values, EFFECTOR, axes="effector")
        np.testing.assert_allclose(there[0, :6], 0.0, atol=1e-12)
        np.testing.assert_array_equal(there[:, 6], values[:, 6])
        assert contract.dimensions[6] == EFFECTOR.dimensions[6]


def test_first_delta_counts_from_the_given_state():
    values = np.random.default_rng(5).normal(size=(5, 4))
    state = np.array([1.0, 2.0, 3.0, 40.0])
    there, contract = joint_delta(values, JOINTS, reference=state)
    np.testing.assert_allclose(there[0, :3], values[0, :3] - state[:3])
    np.testing.assert_allclose(there[1:, :3], np.diff(values[:, :3], axis=0))
    assert_same(absolute(there, contract, reference=state)[0], values)


def test_limits_of_absolute_values_do_not_bind_differences():
    values = np.full((2, 4), [2.9, 0.0, 0.0, 50.0])
    values[1, 0] = -2.9
    there, contract = joint_relative(values, JOINTS)
    assert contract.mode == "relative"
    assert contract.reference.axes == "joint"
    assert not contract.violations(there).any()
    assert contract.derived_from == JOINTS


def test_contract_of_a_difference_survives_json():
    _, contract = effector_delta(np.zeros((2, 7)), EFFECTOR, axes="base")
    assert ActionContract.model_validate_json(contract.model_dump_json()) == contract


def test_gap_passes_through_relative_but_not_through_delta():
    values = np.zeros((4, 4))
    values[2] = np.nan
    there, contract = joint_relative(values, JOINTS)
    assert np.isnan(there[2]).all()
    assert_same(absolute(there, contract, reference=values[0])[0], values)
    with pytest.raises(ContractError, match="row 2 holds NaN; deltas cannot reach across a gap"):
        joint_delta(values, JOINTS)


@pytest.fixture
def shapes_unchecked():
    """As outside the tests, where nothing stands before the functions' own checks."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


POSES, ANGLES = np.zeros((3, 7)), np.zeros((3, 4))
UNCLEAR = EFFECTOR.model_copy(
    update={
        "dimensions": (
            *EFFECTOR.dimensions[:3],
            *(Dimension(name=f"ee.q{i}", quantity="quaternion", unit="1") for i in range(4)),
        )
    }
)
HALF = contract_of(*arm_dimensions()[:2], *arm_dimensions()[3:])
RELATIVE = joint_relative(ANGLES, JOINTS)[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convert_rotation(POSES, EFFECTOR, to="euler"), "unknown rotation 'euler'"),
        (lambda: convert_rotation(ANGLES, JOINTS, to="matrix"), "the action has no rotation"),
        (lambda: convert_rotation(ANGLES, EFFECTOR, to="matrix"), "expected rows of 7 dimensions"),
        (lambda: convert_rotation(POSES, UNCLEAR, to="matrix"), "does not tell how its"),
        (lambda: convert_rotation(POSES[:, :6], HALF, to="matrix"), "2 position numbers, not x, y"),
        (lambda: convert_gripper(ANGLES, JOINTS, to="half"), "unknown gripper form 'half'"),
        (
            lambda: convert_gripper(
                ANGLES[:, :3], contract_of(*JOINTS.dimensions[:3]), to="fraction"
            ),
            "the action has no gripper",
        ),
        (lambda: joint_relative(POSES, EFFECTOR), "needs an action of"),
        (lambda: effector_relative(ANGLES, JOINTS, axes="base"), "needs an action of"),
        (lambda: joint_relative(ANGLES, RELATIVE), "the action is relative already"),
        (lambda: absolute(ANGLES, JOINTS, reference=ANGLES[0]), "names no reference"),
        (lambda: joint_relative(ANGLES[:0], JOINTS), "without rows has no first row"),
        (lambda: joint_relative(ANGLES, JOINTS, reference=ANGLES[0] * np.nan), "holds NaN"),
        (lambda: joint_relative(ANGLES, JOINTS, reference=ANGLES[:2]), "got 2"),
        (lambda: joint_delta(ANGLES, JOINTS, reference=ANGLES), "start from one reference row"),
        (
            lambda: absolute(ANGLES, joint_delta(ANGLES, JOINTS)[1], reference=ANGLES),
            "start from one reference row, got 3",
        ),
        (
            lambda: absolute(ANGLES * np.nan, joint_delta(ANGLES, JOINTS)[1], reference=ANGLES[0]),
            "row 0 holds NaN; deltas cannot reach across a gap",
        ),
        (
            lambda: effector_relative(
                POSES[:, :3], contract_of(*EFFECTOR.dimensions[:3]), axes="base"
            ),
            r"end effectors \['ee'\] lack a position or a rotation",
        ),
        (
            lambda: effector_relative(
                POSES[:, :3], contract_of(*EFFECTOR.dimensions[3:6]), axes="base"
            ),
            r"end effectors \['ee'\] lack a position or a rotation",
        ),
    ],
)
def test_what_cannot_be_converted_is_refused(shapes_unchecked, call, message):
    with pytest.raises(ContractError, match=message):
        call()
