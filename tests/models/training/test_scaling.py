"""Standardizing there and back, and what is left alone."""

import numpy as np

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.scaling import Scaling, safe
from rotoscope.pipeline.contract import ActionContract, Dimension

SPACE = ActionSpace.of(
    ActionContract(
        robot="r",
        dimensions=(
            Dimension(name="x", quantity="position", unit="m"),
            Dimension(name="pick", quantity="discrete", unit="1", lower=0, upper=1),
            Dimension(name="y", quantity="position", unit="m"),
        ),
        rate_hz=10,
        shift_s=0,
    )
)
INPUTS = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
ACTIONS = np.array([[1.0, 0.0, 2.0], [3.0, 1.0, 2.0], [5.0, 1.0, 2.0]])


def test_golden_means_and_scales():
    # Deviations of 0, 2, 4 and of 1, 3, 5: sqrt(8 / 3); what never changes is divided by 1, and
    # the probabilities of a choice stay what they are.
    scaling = Scaling.of(INPUTS, ACTIONS, SPACE)
    deviation = (8 / 3) ** 0.5
    np.testing.assert_allclose(scaling.input_mean, [2.0, 5.0])
    np.testing.assert_allclose(scaling.input_scale, [deviation, 1.0])
    np.testing.assert_allclose(scaling.encoded_mean, [3.0, 0.0, 0.0, 2.0])
    np.testing.assert_allclose(scaling.encoded_scale, [deviation, 1.0, 1.0, 1.0])
    standardized = scaling.inputs(INPUTS)
    np.testing.assert_allclose(standardized[:, 0], np.array([-2, 0, 2]) / deviation)
    np.testing.assert_array_equal(standardized[:, 1], 0.0)


def test_encoded_actions_come_back():
    scaling = Scaling.of(INPUTS, ACTIONS, SPACE)
    encoded = SPACE.encode(ACTIONS)
    there = scaling.encoded(encoded)
    np.testing.assert_allclose(there[:, 0].std(), 1.0)
    np.testing.assert_array_equal(there[:, 1:3], encoded[:, 1:3])
    np.testing.assert_allclose(scaling.raw(there), encoded, atol=1e-12)


def test_inputs_far_outside_are_held_at_eight_deviations():
    scaling = Scaling(np.array([1.0]), np.array([2.0]), np.zeros(1), np.ones(1))
    values = np.array([[16.9], [17.1], [1e9], [-14.9], [-15.1]])
    np.testing.assert_allclose(scaling.inputs(values)[:, 0], [7.95, 8.0, 8.0, -7.95, -8.0])


def test_what_hardly_changes_is_not_divided_by():
    np.testing.assert_array_equal(safe(np.array([0.0, 0.9e-6, 1.1e-6, 3.0])), [1, 1, 1.1e-6, 3])
