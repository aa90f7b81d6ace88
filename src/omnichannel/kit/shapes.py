"""Looking into JSON that may be anything, without raising."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

__all__ = ["at", "is_list", "is_object", "member", "reshaped", "text_of", "values_of", "written"]


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


def text_of(value: object) -> str | None:
    """A string, or a number as one; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def values_of(value: object) -> list[object]:
    """The items of a list or of a map; nothing else has any."""
    if is_object(value):
        return list(value.values())
    return value if is_list(value) else []


def member(value: object, name: str) -> object:
    """What an object has under a name, or None."""
    return value.get(name) if is_object(value) else None


def written(value: object) -> str:
    """JSON as text, the same for the same value: names in order, letters as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def at(value: object, path: str) -> object:
    """What stands at a path of names and positions (`user.id`, `indices.0`), or None."""
    for step in path.split("."):
        if is_list(value):
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            value = member(value, step)
    return value


def reshaped(value: object, table: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """An object of another shape: under each name what stands at the first of its paths that leads anywhere. Names
    without any are left out."""
    found = {name: (one for path in paths if (one := at(value, path)) is not None) for name, paths in table.items()}
    return {name: one for name, ones in found.items() if (one := next(ones, None)) is not None}
