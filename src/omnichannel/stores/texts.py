"""NUL in texts, which PostgreSQL cannot store: U+FFFD stands in its place there.

What a customer wrote is not lost by that, for the journal keeps the bytes as they came; and no NUL stops the rows
behind it. An event is changed before it is filed, so that what was written under a name is looked for under it; what
else goes to the server is changed on its way.
https://www.postgresql.org/docs/current/datatype-character.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeGuard, TypeVar, cast

T = TypeVar("T")

NUL = "\0"
INSTEAD = "\ufffd"


def without_nul(value: T) -> T:
    """A text, or what holds texts, without NUL; the same object where there is none."""
    return cast(T, _without(value))


def _without(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(NUL, INSTEAD) if NUL in value else value
    if _is_row(value):
        changed = [_without(item) for item in value]
        return value if _same(changed, value) else type(value)(changed)
    if _is_mapping(value):
        made = {_without(name): _without(item) for name, item in value.items()}
        return value if _same(made, value) and _same(made.values(), value.values()) else made
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: one for name, item in own.items() if (one := _without(item)) is not item}
        return replace(value, **new) if new else value
    return value


def _is_row(value: object) -> TypeGuard[tuple[Any, ...] | list[Any]]:
    return isinstance(value, tuple | list)


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _same(new: Any, old: Any) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def text_dumper() -> Any:
    """How psycopg sends a text, without NUL."""
    from psycopg.types.string import StrDumperUnknown

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(_without(obj))

    return WithoutNul
