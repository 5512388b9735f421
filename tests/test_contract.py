import jaxtyping
import numpy as np
import pytest
from pydantic import ValidationError

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract, Reference
from rotoscope.pipeline.errors import ContractError


def contract_of(*dimensions, **changes):
    settings = {"robot": "panda", "rate_hz": 10.0, "shift_s": 0.1, **changes}
    return ActionContract(dimensions=dimensions, **settings)


def joint(name="j", **limits):
    return Dimension(name=name, quantity="joint", unit="rad", **limits)


GRIPPER = GripperContract(max_opening_m=0.08)
REFERENCE = Reference(row="first_row", axes="joint")
BOUNDED = contract_of(joint("a", lower=-1.0, upper=2.0), joint("b", lower=0.0), joint("c"))


def test_bounds_are_infinite_where_there_are_none():
    low, high = BOUNDED.bounds()
    assert low.tolist() == [-1.0, 0.0, -np.inf]
    assert high.tolist() == [2.0, np.inf, np.inf]


@pytest.mark.parametrize(
    ("row", "is_outside"),
    [
        ([2.0, 0.0, 9e9], False),
        ([-1.0, 5.0, -9e9], False),
        ([2.0 + 0.9e-6, 0.0, 0.0], False),
        ([2.0 + 1.1e-6, 0.0, 0.0], True),
        ([-1.0 - 0.9e-6, 0.0, 0.0], False),
        ([-1.0 - 1.1e-6, 0.0, 0.0], True),
        ([0.0, -1.1e-6, 0.0], True),
    ],
)
def test_a_millionth_outside_a_limit_is_forgiven_and_no_more(row, is_outside):
    # One dimension outside is enough, and the row before it has no say.
    values = np.array([[0.0, 0.0, 0.0], row])
    assert BOUNDED.violations(values).tolist() == [False, is_outside]


def test_tolerance_is_absolute_and_may_be_chosen():
    values = np.array([[2.4, 0.0, 0.0], [2.6, 0.0, 0.0]])
    assert BOUNDED.violations(values, tolerance=0.5).tolist() == [False, True]


def test_rates_are_steps_times_the_rows_per_second():
    # 10 rows a second, 2 rad/s: 0.2 rad from row to row is allowed, both ways.
    contract = contract_of(joint("a", max_rate=2.0), joint("b"))
    steps = np.array([0.0, 0.2, -0.2, 0.2 * (1 + 2e-6), -0.2 * (1 + 2e-6), 0.19])
    values = np.stack([np.cumsum(steps), 50.0 * np.arange(6)], axis=1)
    found = contract.rate_violations(values)
    assert found.tolist() == [False, False, False, True, True, False]
    loose = contract.rate_violations(values * [1.2, 1.0], tolerance=0.19)
    assert loose.tolist() == [False, True, True, True, True, False]


def test_the_first_row_has_no_rate():
    contract = contract_of(joint("a", max_rate=1e-3))
    assert contract.rate_violations(np.array([[100.0], [100.0]])).tolist() == [False, False]


@pytest.mark.parametrize(
    ("mode", "is_state", "reaches"),
    [
        ("absolute", True, True),
        ("absolute", False, False),
        ("relative", True, False),
        ("delta", True, False),
    ],
)
def test_states_can_be_read_off_absolute_states_alone(mode, is_state, reaches):
    contract = contract_of(joint(), mode=mode, is_state=is_state, shift_s=0.1 if is_state else 0.0)
    assert contract.reaches_states is reaches


@pytest.mark.parametrize(
    ("dimensions", "changes", "message"),
    [
        ([joint("a"), joint("a")], {}, "unique and not empty"),
        ([], {}, "unique and not empty"),
        ([joint()], {"is_state": False}, "shift_s must be 0 where is_state is false, got 0.1"),
        ([joint()], {"rate_hz": 0.0}, "greater than 0"),
        ([joint()], {"shift_s": -0.1}, "greater than or equal to 0"),
        ([joint()], {"rate_hz": float("inf")}, "finite"),
        ([joint()], {"speed": 1.0}, "Extra inputs"),
    ],
)
def test_what_means_nothing_is_refused(dimensions, changes, message):
    with pytest.raises(ValidationError, match=message):
        contract_of(*dimensions, **changes)


def test_a_contract_keeps_what_it_says():
    with pytest.raises(ValidationError, match="frozen"):
        BOUNDED.rate_hz = 3.0
    assert contract_of(joint(), shift_s=0.0).shift_s == 0.0
    assert BOUNDED.names == ["a", "b", "c"]


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 4)])
def test_values_of_another_width_are_refused(shape):
    jaxtyping.config.update("jaxtyping_disable", True)  # as outside the tests
    try:
        with pytest.raises(ContractError, match=r"expected 3 action dimensions \(a, b, c\)"):
            BOUNDED.violations(np.zeros(shape))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("part", [BOUNDED, BOUNDED.dimensions[0], GRIPPER, REFERENCE])
def test_every_part_keeps_what_it_says_and_takes_no_more(part):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(part, next(iter(type(part).model_fields)), "x")
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(part).model_validate({**part.model_dump(), "speed": 1.0})


@pytest.mark.parametrize(
    ("part", "field"), [(BOUNDED.dimensions[0], "max_rate"), (GRIPPER, "max_opening_m")]
)
@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_numbers_of_a_contract_are_finite(part, field, wrong):
    with pytest.raises(ValidationError, match="finite"):
        type(part).model_validate({**part.model_dump(), field: wrong})
