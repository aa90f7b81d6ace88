"""Accounts of ours at a simulated platform: what is secret or missing is made up, so no test needs a real one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import SecretStr

from omnichannel.channel.base import Account

AccountT = TypeVar("AccountT", bound=Account)


def fill(account: AccountT, values: Mapping[str, Any], chance: random.Random) -> AccountT:
    """A copy of an account: `values` where its own are missing or only named (`env:`, `file:`), and a made-up value
    for every other that is only named. What is missing and not in `values` stays missing: it may mean something."""
    update: dict[str, Any] = {}
    for name in type(account).model_fields:
        value = getattr(account, name)
        if _is_missing(value) and name in values:
            update[name] = values[name]
        elif _is_named(value):
            update[name] = made_up(name, chance)
    current = {name: getattr(account, name) for name in account.model_fields_set}
    return type(account).model_validate({**current, **update})


def made_up(name: str, chance: random.Random) -> str:
    """A secret that nobody takes for a real one, and that is found wherever it leaks: `fake-token-` and 16 digits."""
    return f"fake-{name.replace('_', '-')}-{chance.getrandbits(64):016x}"


def _is_missing(value: object) -> bool:
    """Whether a setting has no value of its own: empty, or only the name of one."""
    if isinstance(value, tuple):
        return all(_is_missing(one) for one in cast(tuple[object, ...], value))
    return value is None or _text(value) == "" or _is_named(value)


def _is_named(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_named(one) for one in cast(tuple[object, ...], value))
    return _text(value).startswith(("env:", "file:"))


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else "-"
