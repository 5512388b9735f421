"""Run-time checks of shapes and types in public signatures, for the tests alone."""

from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

check = beartype(
    conf=BeartypeConf(
        # `float` means `float | int`, as everywhere in Python's typing.
        is_pep484_tower=True,
        # jaxtyping decorates methods one by one, where beartype cannot know what Self is.
        hint_overrides=FrozenDict({Self: Any}),
    )
)
