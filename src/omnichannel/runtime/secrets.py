"""Secrets as references: `env:NAME` and `file:/path` become their values when the hub opens, and not before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, SecretStr

from omnichannel.channel.base import Account, Channel
from omnichannel.model.exceptions import ConfigurationError

AccountT = TypeVar("AccountT", bound=Account)
ReadFile = Callable[[str], str]

_log = logging.getLogger("omnichannel.secrets")


def resolve(account: AccountT, environ: Mapping[str, str], read_file: ReadFile) -> AccountT:
    """The account with every secret in place; plain text fields are left alone.

    Raises `ConfigurationError`, which names the account, the field, the variable or file, and the remedy; never a
    value.
    """
    return _resolved_model(account, _Resolver(account.id, environ, read_file), "")


class _Resolver:
    def __init__(self, account: str, environ: Mapping[str, str], read_file: ReadFile) -> None:
        self._account = account
        self._environ = environ
        self._read_file = read_file

    def secret(self, secret: SecretStr, field: str) -> SecretStr:
        reference = secret.get_secret_value()
        kind, _, name = reference.partition(":")
        if kind == "env" and name:
            return SecretStr(self._variable(name, field))
        if kind == "file" and name:
            return SecretStr(self._file(name, field))
        return secret

    def _variable(self, name: str, field: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            state = "empty" if name in self._environ else "not set"
            raise ConfigurationError(
                f"account {self._account!r}: {field} is read from the environment variable {name}, which is {state}; "
                f"set {name} before you start, or give {field} another env:NAME or file:/path"
            )
        return value

    def _file(self, path: str, field: str) -> str:
        try:
            # Editors and `echo` end a file with a newline that is no part of the secret.
            value = self._read_file(path).rstrip("\r\n")
        except (OSError, UnicodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is not UTF-8 text"
        else:
            if value:
                return value
            why = "it is empty"
        raise ConfigurationError(
            f"account {self._account!r}: {field} is read from the file {path}, which cannot be used ({why}); "
            f"put the secret there and let this process read it, or give {field} another env:NAME or file:/path"
        )


ModelT = TypeVar("ModelT", bound=BaseModel)


def _resolved_model(model: ModelT, resolver: _Resolver, prefix: str) -> ModelT:
    changed: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        resolved = _resolved(value, resolver, f"{prefix}{name}")
        if resolved is not value:
            changed[name] = resolved
    return model.model_copy(update=changed) if changed else model


def _resolved(value: object, resolver: _Resolver, field: str) -> object:
    match value:
        case SecretStr():
            return resolver.secret(value, field)
        case BaseModel():
            return _resolved_model(value, resolver, f"{field}.")
        case tuple() | list():
            items = cast("tuple[object, ...] | list[object]", value)
            return type(items)(_resolved(item, resolver, f"{field}[{at}]") for at, item in enumerate(items))
        case dict():
            entries = cast("dict[object, object]", value)
            return {key: _resolved(item, resolver, f"{field}.{key}") for key, item in entries.items()}
        case _:
            return value


def require_webhook_secret(channel: Channel[Any]) -> None:
    """Raises `ConfigurationError` where webhooks could not be verified; with `allow_unsigned` it only warns.

    Call it once per account when the hub opens.
    """
    field = channel.webhook_secret
    if field is None or _given(getattr(channel.account, field, None)):
        return
    account = channel.account.id
    if channel.account.allow_unsigned:
        _log.warning(
            "account %s takes webhooks that nobody signed (allow_unsigned): whoever knows its URL can write "
            "as any customer; set %s",
            account,
            field,
        )
        return
    raise ConfigurationError(
        f"account {account!r}: {field} is missing, so that no webhook of {channel.adapter} could be told from a "
        f'forged one; set {field} (for example "env:{account.upper().replace("-", "_").replace(".", "_")}_SECRET"), '
        f"or allow_unsigned = true for tests on a machine that nobody else reaches"
    )


def _given(value: object) -> bool:
    match value:
        case SecretStr():
            return bool(value.get_secret_value())
        case tuple() | list():
            return any(_given(item) for item in cast("tuple[object, ...] | list[object]", value))
        case _:
            return bool(value)
