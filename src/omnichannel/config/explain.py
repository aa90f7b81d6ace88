"""Turns what a validator says into what a person needs: which key, what was expected, what was meant."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path: TypeAlias = tuple[str | int, ...]

EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "dataclass_type": "a table",
    "time_delta_type": "a duration such as 'PT15M'",
    "time_delta_parsing": "a duration such as 'PT15M'",
    "datetime_type": "a date and time",
    "datetime_parsing": "a date and time",
    "datetime_from_date_parsing": "a date and time",
    "timezone_aware": "a date and time with a zone",
    "date_type": "a date",
    "date_parsing": "a date",
    "date_from_datetime_parsing": "a date",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
}

BOUNDS: Mapping[str, tuple[str, str]] = {
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
}

PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9][a-z0-9._-]{0,62}$": "an id: small letters, digits, '.', '_' and '-', at most 63",
    r"^[a-z_][a-z0-9_]{0,62}$": "a name: small letters, digits and '_', at most 63",
    r"^https?://[^\s?#]+$": "an http or https URL without a query",
    r"^([A-Z]{2}|\+[0-9]{1,6})$": "a country such as 'FR' or a calling code such as '+33'",
}
_UNION_TAGS = frozenset({"str", "int", "float", "bool", "none", "list[any]", "dict[str,str]"})


def where(path: Path) -> str:
    """`accounts.x-main.token`, `rules[0].when`: the path as one reads it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def listed(names: Iterable[str]) -> str:
    """'a', 'b' or 'c'."""
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def meant(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest known name, or at all of them where there are few."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; expected {listed(names)}" if 0 < len(names) <= 20 else ""


def described(value: object, *, secret: bool = False) -> str:
    """What was found, in the words of TOML; the value itself only where it cannot be a secret."""
    kind = next((words for types_, words in _KINDS if isinstance(value, types_)), "something else")
    shown = isinstance(value, str | bool | int | float) and not secret and len(str(value)) <= 60
    plain = repr(value).lower() if isinstance(value, bool) else repr(value)
    return f"{kind} ({plain})" if shown else kind


_KINDS: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "a truth value"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
    ((list, tuple), "a list"),
    (dict, "a table"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time"),
    (type(None), "nothing"),
)


def problems(error: ValidationError, model: Any, prefix: Path, *, secret: bool = False) -> list[str]:
    """One line for each problem. `model` is what was validated: its fields are the known keys."""
    lines = [_line(detail, model, prefix, secret) for detail in error.errors(include_url=False)]
    return list(dict.fromkeys(lines))


def _line(detail: ErrorDetails, model: Any, prefix: Path, secret: bool) -> str:
    path = tuple(step for step in detail["loc"] if step not in _UNION_TAGS)
    if path and path[-1] == "[key]":
        path = path[:-1]
    at, kind, context = where((*prefix, *path)), detail["type"], detail.get("ctx", {})
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{at}: unknown key{meant(str(path[-1]), keys_at(model, path[:-1]))}"
    if kind in ("missing", "missing_keyword_only_argument", "missing_argument"):
        return f"{at}: missing"
    if kind == "literal_error":
        expected = str(context.get("expected", ""))
    elif kind == "string_pattern_mismatch":
        expected = PATTERNS.get(str(context.get("pattern")), f"text like {context.get('pattern')}")
    elif kind in BOUNDS:
        word, bound = BOUNDS[kind]
        expected = f"{word} {context.get(bound)}"
    else:
        expected = EXPECTED.get(kind, "")
    found = described(detail["input"], secret=secret)
    return f"{at}: expected {expected}, found {found}" if expected else f"{at}: {_sentence(detail['msg'])}"


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]


def keys_at(model: Any, path: Path) -> list[str]:
    """The keys that are known at a place inside a model."""
    places = [model]
    for step in path:
        places = [inner for place in places for inner in _inside(place, step)]
    return [name for place in places for name in _keys(place)]


def _keys(place: Any) -> list[str]:
    declared: dict[str, object] = getattr(place, "__dataclass_fields__", {})
    if isinstance(place, type) and issubclass(place, BaseModel):
        return [info.alias or name for name, info in place.model_fields.items()]
    return list(declared)


def _inside(place: Any, step: str | int) -> list[Any]:
    if isinstance(place, type) and issubclass(place, BaseModel):
        fields = {info.alias or name: info.annotation for name, info in place.model_fields.items()}
        return _flat(fields[str(step)]) if step in fields else []
    arguments = get_args(place)
    if get_origin(place) is dict or get_origin(place) is Mapping:
        return _flat(arguments[1])
    return [one for argument in arguments for one in _flat(argument) if argument is not Ellipsis]


def _flat(annotation: Any) -> list[Any]:
    """The alternatives of a union, without what is only annotated to them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flat(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in _flat(part)]
    return [annotation]
