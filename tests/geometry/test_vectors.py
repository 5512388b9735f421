"""Small mathematics that all share, on NumPy and on torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import cross, dot, unit, unit_or_zero

SEEDS = st.integers(0, 2**32 - 1)


def test_golden_unit_vector():
    np.testing.assert_allclose(unit(np.array([[3.0, 0.0, -4.0]])), [[0.6, 0.0, -0.8]], rtol=1e-15)


@pytest.mark.parametrize(("length", "is_known"), [(0.0, False), (1e-9, False), (2e-9, True)])
def test_vector_without_a_direction_is_unknown_or_stays_small(length, is_known):
    v = np.array([length, 0.0, 0.0])
    assert np.isfinite(unit(v)).all() == is_known
    assert unit_or_zero(v)[0] == (1.0 if length else 0.0)


@given(SEEDS)
@settings(max_examples=20)
def test_products_agree_with_numpy_and_torch(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 4, 5, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-14)
    np.testing.assert_allclose(dot(a, b), (a * b).sum(axis=-1), atol=1e-14)
    found = cross(torch.as_tensor(a), torch.as_tensor(b)).numpy()
    np.testing.assert_array_equal(found, cross(a, b))


@given(SEEDS, st.sampled_from([1e-6, 9e-5, 1.1e-4, 0.5, 3.0]))
@settings(max_examples=25)
def test_left_jacobian_says_how_a_rotation_turns_with_its_vector(seed, angle):
    rng = np.random.default_rng(seed)
    v = angle * unit(rng.normal(size=(3, 3)))
    step = 1e-6 * rng.normal(size=(3, 3))
    turned = se3.exp_so3(v + step) @ np.swapaxes(se3.exp_so3(v), -1, -2)
    wanted = (se3.left_jacobian(v) @ step[..., None])[..., 0]
    # What is left is of second order in the step.
    np.testing.assert_allclose(se3.log_so3(turned), wanted, atol=2e-11)


@pytest.mark.parametrize("name", ["exp_so3", "left_jacobian", "rotation_vector", "hat"])
def test_torch_gets_what_numpy_gets_in_its_own_type(name):
    v = np.random.default_rng(3).normal(size=(6, 3))
    v[0] = 0.0
    given_ = se3.exp_so3(v) if name == "rotation_vector" else v
    found = getattr(se3, name)(torch.as_tensor(given_, dtype=torch.float32))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), getattr(se3, name)(given_), atol=2e-6)
