"""Run-time checks of shapes and types in public signatures, for the tests alone."""

from collections.abc import Callable
from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

_checked = beartype(
    conf=BeartypeConf(
        # `float` means `float | int`, as everywhere in Python's typing.
        is_pep484_tower=True,
        # jaxtyping decorates methods one by one, where beartype cannot know what Self is.
        hint_overrides=FrozenDict({Self: Any}),
    )
)


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, checked; the check is made at the first call, which most never have.

    jaxtyping has arguments checked before a call and, by a function of its own, once more with what
    came out; there only the latter is looked at: sizes found in arguments hold for it all the same.
    """
    hints = function.__annotations__
    if hints.get("return", Any) is not Any:
        function.__annotations__ = {"return": hints["return"]}
    made: list[Callable[..., Any]] = []

    def checked(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(_checked(function))
        return made[0](*args, **kwargs)

    return checked
