"""What one mutation changes: Cosmic Ray's operators that imitate a slip, and three of our own.

Cosmic Ray replaces an operator by each of eleven others. Most of those (`+` by `<<`) end in a
TypeError that any test sees, and would only raise the share that is killed; so here each is
replaced by the ones that a person would confuse it with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from cosmic_ray.operators.number_replacer import NumberReplacer
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Name, Number

_CONFUSED = {
    "Binary": "Add_Sub Sub_Add Mul_Div Div_Mul Div_FloorDiv FloorDiv_Div FloorDiv_Mul Mod_Mul "
    "Pow_Mul BitAnd_BitOr BitOr_BitAnd BitXor_BitAnd",
    "Comparison": "Lt_LtE Lt_Gt LtE_Lt LtE_Gt Gt_GtE Gt_Lt GtE_Gt GtE_Lt Eq_NotEq NotEq_Eq "
    "Is_IsNot IsNot_Is",
    "Unary": "Delete_USub Delete_Invert Delete_Not",
}
_AS_THEY_ARE = (
    "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd "
    "ReplaceBreakWithContinue ReplaceContinueWithBreak ZeroIterationForLoop"
)
_NEIGHBORS = (
    ("floor", "ceil"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("fmin", "fmax"),
    ("nanmin", "nanmax"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("sin", "cos"),
)


class WholeNumberByOne(NumberReplacer):  # type: ignore[misc]
    """Whole numbers by one, up and down: ranks, indices, powers, counts."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Twice for each."""
        if isinstance(node, Number) and node.value.isdigit():
            yield from super().mutation_positions(node)


class FractionByAFifth(Operator):  # type: ignore[misc]
    """Numbers with a decimal point by a fifth, up and down: a limit that is a little lax.

    Those below 1e-5 only tell rounding from a difference, or keep a divisor from zero: a fifth
    more or less is as good.
    """

    factors = (1.2, 0.8)

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Twice for each."""
        value = _value(node) if isinstance(node, Number) else None
        if value is not None and not 0.0 < value < 1e-5:
            for _ in self.factors:
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The number, scaled; zero becomes plus or minus 0.2."""
        value, factor = _value(node) or 0.0, self.factors[index]
        changed = round(value * factor if value else factor - 1.0, 12)
        return Number(f" {changed!r}", node.start_pos)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """For Cosmic Ray's own tests."""
        return (Example("x = 2.0", "x = 2.4"), Example("x = 2.0", "x = 1.6", occurrence=1))


class NeighboringFunction(Operator):  # type: ignore[misc]
    """Functions by the ones that stand beside them: floor by ceil, min by max, any by all."""

    swapped: ClassVar = dict((*_NEIGHBORS, *((b, a) for a, b in _NEIGHBORS)))

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Where such a function is called, by its name or as an attribute."""
        if isinstance(node, Name) and node.value in self.swapped and _is_called(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The other name."""
        return Name(node.prefix + self.swapped[node.value], node.start_pos)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """For Cosmic Ray's own tests."""
        return (Example("np.floor(x)", "np.ceil(x)"),)


def operators() -> dict[str, Operator]:
    """Every operator by its name."""
    known = OperatorProvider()
    names = [
        *(f"Replace{kind}Operator_{c}" for kind, pairs in _CONFUSED.items() for c in pairs.split()),
        *_AS_THEY_ARE.split(),
    ]
    own = (WholeNumberByOne, FractionByAFifth, NeighboringFunction)
    return {**{name: known[name]() for name in names}, **{o.__name__: o() for o in own}}


def _value(node: Any) -> float | None:
    text = node.value.replace("_", "")
    return float(text) if any(c in text for c in ".e") and not text.startswith("0x") else None


def _is_called(node: Any) -> bool:
    following = node.get_next_leaf()
    return following is not None and following.value == "("
