"""The small types and values that everything shares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

Visibility: TypeAlias = Literal["private", "public"]
Success: TypeAlias = Literal["accepted", "sent", "delivered", "read", "replied"]
Purpose: TypeAlias = Literal["service", "marketing", "alert"]
Direction: TypeAlias = Literal["in", "out"]


def _stays_empty(*args: object, **kwargs: object) -> NoReturn:
    raise TypeError("this mapping is shared: it stays empty")


def _hash_of_nothing(self: object) -> int:
    return 0


# A dict, because pydantic writes no other mapping as JSON; with a hash, because before Python 3.12 a mappingproxy has
# none, and a dataclass field takes no default without one. Made by a call: as a class it would not type-check.
_Nothing: type[dict[str, str]] = type(
    "_Nothing",
    (dict,),
    {
        "__slots__": (),
        "__module__": __name__,
        "__hash__": _hash_of_nothing,
        **dict.fromkeys(("__setitem__", "__ior__", "update", "setdefault"), _stays_empty),
    },
)

NOTHING: Mapping[str, str] = _Nothing()
"""The empty mapping that frozen records share as their default."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def dump(adapter: TypeAdapter[T], value: T) -> Any:
    """A value as JSON that its adapter reads back. Read-only mappings are written like any other."""
    return adapter.dump_python(value, mode="json", fallback=dict, warnings=False)
