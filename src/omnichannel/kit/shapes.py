"""Looking into JSON that may be anything, without raising."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["is_list", "is_object", "member", "text_of", "values_of", "written"]


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
