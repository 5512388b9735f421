"""Run-time checks of shapes and types in public signatures, for the tests alone.

jaxtyping binds a call to its signature, has the arguments checked by a function of its own and what
came out by a second one: half of the time of tests whose arrays are small. Here one call of
beartype's checks both, in the same scope of sizes.
"""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from types import FunctionType, SimpleNamespace
from typing import Any, Self, get_type_hints

import jaxtyping
from beartype import BeartypeConf, FrozenDict, beartype
from beartype.roar import BeartypeCallHintReturnViolation, BeartypeCallHintViolation

_beartype = beartype(
    conf=BeartypeConf(
        # `float` means `float | int`, as everywhere in Python's typing.
        is_pep484_tower=True,
        # Methods are decorated one by one, where beartype cannot know what Self is.
        hint_overrides=FrozenDict({Self: Any}),
    )
)
_jaxtyped = jaxtyping.jaxtyped
_scope_of_sizes = _jaxtyped("context")


def install() -> None:
    """Has what jaxtyping's import hook finds checked by `check`."""
    jaxtyping.jaxtyped = lambda *, typechecker: check


def check(checked: Any) -> Any:
    """A function, or a dataclass with its `__init__`, that raises TypeCheckError when misused.

    What is to be checked is looked up at the first call, which most never have.
    """
    if inspect.isclass(checked):
        if dataclasses.is_dataclass(checked) and not hasattr(checked.__init__, "is_checked"):
            checked.__init__ = check(checked.__init__)
        return checked
    if not getattr(checked, "__annotations__", None):
        return checked
    if inspect.isgeneratorfunction(checked):
        # Its body runs when the scope of its call is left.
        return _jaxtyped(typechecker=_at_first_call)(checked)
    made: list[Callable[..., Any]] = []

    @wraps(checked)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if jaxtyping.config.jaxtyping_disable:
            return checked(*args, **kwargs)
        if not made:
            made.append(_beartype(_with_hints(checked)))
        with _scope_of_sizes:
            try:
                return made[0](*args, **kwargs)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(_said(checked, error)) from None

    wrapper.is_checked = True
    return wrapper


def _with_hints(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy whose hints are no strings; what is imported for type checkers alone has none."""
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    copy.__annotations__ = {}
    for name, hint in function.__annotations__.items():
        one = SimpleNamespace(__annotations__={name: hint})
        try:
            copy.__annotations__ |= get_type_hints(one, function.__globals__, include_extras=True)
        except Exception:  # whatever evaluating a hint raises
            continue
    return copy


def _said(function: Callable[..., Any], error: BeartypeCallHintViolation) -> str:
    is_return = isinstance(error, BeartypeCallHintReturnViolation)
    part = "return value" if is_return else "parameters"
    name = f"{function.__module__}.{function.__qualname__}"
    return f"Type-check error whilst checking the {part} of {name}: {error}"


def _at_first_call(function: Callable[..., Any]) -> Callable[..., Any]:
    made: list[Callable[..., Any]] = []

    def checked(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(_beartype(function))
        return made[0](*args, **kwargs)

    return checked
