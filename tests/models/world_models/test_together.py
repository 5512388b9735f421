"""Several networks are asked at once, and say what each says by itself."""

import pytest
import torch

from rotoscope.models.world_models.members import perceptron
from rotoscope.models.world_models.together import together


def networks(size):
    torch.manual_seed(0)
    made = [perceptron(5, 3, size) for _ in range(3)]
    for network in made:
        for weight in network.parameters():  # residual blocks start at 0, norms at 1
            torch.nn.init.normal_(weight, std=0.1)
    return [network.eval() for network in made]


@pytest.mark.parametrize("size", ["small", "base"])
def test_together_they_say_what_each_says_of_its_own_rows(size):
    alone, rows = networks(size), torch.randn(3, 7, 5)
    with torch.inference_mode():
        wanted = torch.stack([n(own) for n, own in zip(alone, rows, strict=True)])
        found = together(alone)(rows)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_weights_of_the_parts_stay_as_they_are():
    alone = networks("small")
    before = [weight.clone() for weight in alone[0].parameters()]
    rows = torch.randn(3, 2, 5, requires_grad=True)
    made = together(alone).requires_grad_(False)
    made(rows).sum().backward()
    assert rows.grad is not None
    assert all(weight.grad is None for weight in made.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, alone[0].parameters(), strict=True))
    assert all(weight.requires_grad for weight in alone[0].parameters())


def test_those_that_are_several_already_follow_each_other():
    alone, rows = networks("base"), torch.randn(6, 4, 5)
    pair = together([together(alone), together(alone[::-1])])
    with torch.inference_mode():
        wanted = torch.stack([n(r) for n, r in zip([*alone, *alone[::-1]], rows, strict=True)])
        torch.testing.assert_close(pair(rows), wanted, atol=1e-5, rtol=1e-5)
