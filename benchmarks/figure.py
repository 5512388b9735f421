"""One measured number and the bar it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Bar:
    """What a figure must reach."""

    relation: Literal["<=", ">=", "=="]
    """How the value must stand to the limit."""
    limit: float
    """The limit, in the figure's unit."""

    def holds(self, value: float) -> bool:
        """Whether `value` reaches the bar; NaN never does."""
        if self.relation == "<=":
            return value <= self.limit
        if self.relation == ">=":
            return value >= self.limit
        return value == self.limit


@dataclass(frozen=True)
class Figure:
    """One line of a benchmark: `name value unit bar pass|fail`."""

    name: str
    """Dotted name, such as `smoothing.rmse`."""
    value: float
    """What was measured in this run."""
    unit: str
    """Unit of the value; `x` for a ratio, `1` for a share."""
    bar: Bar | None = None
    """What it must reach; `None` for figures that are only reported."""

    @property
    def passed(self) -> bool | None:
        """Whether the bar was reached; `None` where there is none."""
        return None if self.bar is None else self.bar.holds(self.value)

    def line(self) -> str:
        """The printed form."""
        bar = "-" if self.bar is None else f"{self.bar.relation}{self.bar.limit:g}"
        verdict = {None: "-", True: "pass", False: "fail"}[self.passed]
        return f"{self.name:<44} {self.value:>10.4g} {self.unit:<10} {bar:<10} {verdict}"
