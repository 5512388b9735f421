"""Ridge regression in closed form: what the normal equations give, whichever matrix is smaller."""

import numpy as np
import pytest

from rotoscope.models.inverse_dynamics.networks import fit_ridge, with_one

WEIGHTS = np.eye(2)


def problem(rows, inputs, seed=0):
    rng = np.random.default_rng(seed)
    seen = rng.normal(1.0, 2.0, (rows + 20, inputs))
    encoded = seen @ rng.normal(size=(inputs, 2)) + [3.0, -50.0] + rng.normal(size=(rows + 20, 2))
    return seen[:rows], encoded[:rows], (seen[rows:], encoded[rows:])


@pytest.mark.parametrize(("rows", "inputs"), [(60, 7), (30, 90), (40, 40)])
@pytest.mark.parametrize("penalty", [0.01, 30.0])
def test_weights_solve_the_normal_equations_with_a_free_constant(rows, inputs, penalty):
    seen, encoded, held_out = problem(rows, inputs)
    found = fit_ridge(seen, encoded, held_out, WEIGHTS, penalty=penalty)["weight"]
    X, free = with_one(seen), np.append(np.ones(inputs), 0.0)
    wanted = X.T @ encoded
    np.testing.assert_allclose(
        X.T @ (X @ found) + penalty * free[:, None] * found, wanted, rtol=1e-6
    )


def test_the_penalty_that_does_best_on_held_out_rows_is_taken():
    seen, encoded, held_out = problem(30, 90)
    chosen = fit_ridge(seen, encoded, held_out, WEIGHTS, penalty=None)["weight"]

    def error(weight):
        return ((with_one(held_out[0]) @ weight - held_out[1]) ** 2).mean()

    others = [10.0**k for k in range(-7, 6)]
    tried = [fit_ridge(seen, encoded, held_out, WEIGHTS, penalty=p)["weight"] for p in others]
    assert error(chosen) == min(map(error, tried))
    assert error(chosen) < 0.9 * max(map(error, tried))


def test_inputs_that_are_the_same_twice_share_their_weight():
    seen, encoded, held_out = problem(60, 5)
    twice = [np.repeat(part, 2, axis=1) for part in (seen, held_out[0])]
    found = fit_ridge(twice[0], encoded, (twice[1], held_out[1]), WEIGHTS, penalty=1e-7)["weight"]
    once = fit_ridge(seen, encoded, held_out, WEIGHTS, penalty=1e-7)["weight"]
    np.testing.assert_allclose(found[:-1:2], once[:-1] / 2, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1:-1:2], found[:-1:2], rtol=1e-4, atol=1e-5)
