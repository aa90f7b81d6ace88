"""Reads the settings file: all of its problems at once, each with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from omnichannel.channel.base import Account
from omnichannel.channel.capabilities import PriceFact
from omnichannel.config.checks import unsupported
from omnichannel.config.explain import keys_at, meant, problems, where
from omnichannel.config.models import Document, PriceSettings, Settings, WithdrawalSettings
from omnichannel.model.content import Localized
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Scope, Withdrawal
from omnichannel.registry import PLACES, account_type, described, entries, entry
from omnichannel.routing.notices import wrong_notices
from omnichannel.withdrawal.phases import validate

REFERENCES = ("env:", "file:")
LITERAL = "a secret does not stand in this file: write 'env:NAME' or 'file:/path'"
MISPLACED = "only secrets are read from 'env:' and 'file:': write the value here"
_PRICE: TypeAdapter[PriceFact] = TypeAdapter(PriceFact)


def load(path: str | PathLike[str]) -> Settings:
    """The settings in a TOML file. Reads nothing else: secrets stay `env:NAME` and `file:/path`.

    Raises `ConfigurationError` with every problem found: the key and its place, what was expected, the nearest name.
    """
    file = Path(path)
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file.name}: not TOML: {error}") from error
    reading = _Reading()
    settings = reading.settings(raw)
    if settings is None or reading.problems:
        told = list(dict.fromkeys(reading.problems))
        head = f"{file.name}: " if len(told) == 1 else f"{file.name}: {len(told)} problems\n  "
        raise ConfigurationError(head + "\n  ".join(told))
    return settings


class _Reading:
    """One reading of one file: gathers the problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def settings(self, raw: dict[str, Any]) -> Settings | None:
        """The settings, or None where the file is too far off for that."""
        zone = self._zone(raw.get("timezone"))
        dated = self._with_notices(self._with_zone(raw, zone, ()))
        try:
            document = Document.model_validate(_with_brand(dated))
        except ValidationError as error:
            self.problems += problems(error, Document, ())
            return None
        notices = {name: self._notice(words, ("notices", name)) for name, words in document.notices.items()}
        known_notices = {name: notice for name, notice in notices.items() if notice is not None}
        accounts = self._accounts(document)
        self._check_names(document)
        hosts = {host for brand in document.brands.values() for host in brand.hosts}
        for index, why in wrong_notices(document.rules, hosts):
            self.problems.append(f"{where(('rules', index, 'then', 'notice'))}: {why}")
        return Settings(
            timezone=document.timezone,
            public_url=document.public_url.rstrip("/") if document.public_url else None,
            store=document.store,
            engine=document.engine,
            brands=document.brands,
            accounts=tuple(accounts),
            queues=document.queues,
            rules=document.rules,
            withdrawals=self._withdrawals(document, known_notices),
            notices=known_notices,
            prices=self._prices(document),
            price_cap=document.price_cap,
            quiet_hours=document.quiet_hours,
            business_hours=document.business_hours,
            guard=document.guard,
        )

    # -- times

    def _zone(self, name: object) -> tzinfo | None:
        if not isinstance(name, str):
            return None
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.problems.append(f"timezone: no zone '{name}'; expected a name such as 'Europe/Paris'")
            return ZoneInfo("UTC")

    def _with_zone(self, value: Any, zone: tzinfo | None, path: tuple[str | int, ...]) -> Any:
        """The same with every time aware: one that is written without a zone is in the file's."""
        if _is_table(value):
            return {key: self._with_zone(inner, zone, (*path, key)) for key, inner in value.items()}
        if _is_list(value):
            return [self._with_zone(inner, zone, (*path, index)) for index, inner in enumerate(value)]
        at = _time_of(value, dated=bool(path) and str(path[-1]).endswith("_at"))
        if at is None or at.tzinfo is not None:
            return value if at is None else at
        if zone is None:
            self.problems.append(f"{where(path)}: {at.isoformat()} has no zone: add one, or set `timezone`")
            zone = ZoneInfo("UTC")
        return at.replace(tzinfo=zone)

    # -- accounts

    def _accounts(self, document: Document) -> list[Account]:
        used = dict.fromkeys(document.endpoints, False)
        found: list[Account] = []
        for name, given in document.accounts.items():
            table, path = dict(given), ("accounts", name)
            adapter = self._adapter(table, path)
            endpoint = table.get("endpoint")
            if endpoint is not None and document.endpoints and endpoint not in used:
                self.problems.append(f"{where(path)}.endpoint: no endpoint '{endpoint}'{meant(str(endpoint), used)}")
            if adapter is None:
                continue
            shared = document.endpoints.get(str(endpoint), {})
            self._check_shared(shared, adapter, str(endpoint))
            account = self._account(adapter, name, {k: v for k, v in shared.items() if k not in table}, table)
            found += [account] if account is not None else []
        return found

    def _adapter(self, table: dict[str, Any], path: tuple[str, str]) -> type[Account] | None:
        channel, adapter = table.pop("channel", None), table.pop("adapter", None)
        if channel is None and adapter is None:
            self.problems.append(f"{where(path)}.channel: missing; expected one of {_channels()}")
            return None
        key = "channel" if adapter is None else "adapter"
        try:
            one = entry(str(channel if adapter is None else adapter))
            if one.channel_field is not None and channel is not None:
                table.setdefault(one.channel_field, channel)
            elif channel is not None and one.channel != channel:
                self.problems.append(
                    f"{where(path)}.channel: adapter '{one.name}' is for '{one.channel}', not for '{channel}'"
                )
                return None
            return account_type(one.name)
        except ConfigurationError as error:
            self.problems.append(f"{where(path)}.{key}: {error}")
            return None

    def _check_shared(self, shared: Mapping[str, Any], kind: type[Account], endpoint: str) -> None:
        known = [name for name in keys_at(kind, ()) if name not in ("id", "endpoint")]
        for key in shared:
            if key not in known:
                self.problems.append(f"endpoints.{endpoint}.{key}: unknown key{meant(key, known)}")

    def _account(self, kind: type[Account], name: str, shared: dict[str, Any], own: dict[str, Any]) -> Account | None:
        path = ("accounts", name)
        literal = [key for key, value in {**shared, **own}.items() if _is_literal_secret(kind, key, value)]
        named = [key for key, value in own.items() if _is_named_text(kind, key, value)]
        self.problems += [f"{where((*path, key))}: {MISPLACED}" for key in named]
        for key in literal:
            place = path if key in own else ("endpoints", str(own.get("endpoint")))
            self.problems.append(f"{where((*place, key))}: {LITERAL}")
        known = keys_at(kind, ())
        if "id" in own:
            self.problems.append(f"{where((*path, 'id'))}: the table's name is the id")
        try:
            return kind.model_validate({**{k: v for k, v in shared.items() if k in known}, **own, "id": name})
        except ValidationError as error:
            self.problems += problems(error, kind, path, secret=True)
            return None

    # -- the rest

    def _notice(self, words: Mapping[str, str], path: tuple[str | int, ...]) -> Localized | None:
        texts = {key: text for key, text in words.items() if key != "default"}
        default = words.get("default", "en" if "en" in texts or len(texts) != 1 else next(iter(texts)))
        if default not in texts:
            self.problems.append(f"{where((*path, default))}: missing; it is the text for all other languages")
            return None
        return Localized(texts, default=default)

    def _with_notices(self, raw: Any) -> Any:
        """The same with the texts in the place of their names, in the rules that name one."""
        known, rules = raw.get("notices"), raw.get("rules")
        if not _is_list(rules):
            return raw
        known = known if _is_table(known) else {}
        named: list[Any] = []
        for index, rule in enumerate(rules):
            then = rule.get("then") if _is_table(rule) else None
            name = then.get("notice") if _is_table(then) else None
            if _is_table(rule) and _is_table(then) and isinstance(name, str):
                if name not in known:
                    at = where(("rules", index, "then", "notice"))
                    self.problems.append(f"{at}: no notice '{name}'{meant(name, known)}")
                rule = {**rule, "then": {**then, "notice": known.get(name)}}
            named.append(rule)
        return {**raw, "rules": named}

    def _withdrawals(self, document: Document, notices: Mapping[str, Localized]) -> tuple[Withdrawal, ...]:
        found: list[Withdrawal] = []
        for index, one in enumerate(document.withdrawals):
            path = ("withdrawals", index)
            if any(one.id == other.id for other in document.withdrawals[:index]):
                self.problems.append(f"{where((*path, 'id'))}: '{one.id}' is taken by another withdrawal")
            notice = self._notice_of(one, (*path, "notice"), notices, document.notices)
            shared = [f.name for f in fields(Withdrawal) if f.name in WithdrawalSettings.model_fields]
            plain: dict[str, Any] = {name: getattr(one, name) for name in shared}
            plain.update(scope=Scope(**one.scope.model_dump()), notice=notice)
            withdrawal = Withdrawal(**plain)
            try:
                validate(withdrawal)
            except ConfigurationError as error:
                self.problems.append(f"{where(path)}: {error}")
            found.append(withdrawal)
        return tuple(found)

    def _notice_of(
        self,
        one: WithdrawalSettings,
        path: tuple[str | int, ...],
        notices: Mapping[str, Localized],
        known: Iterable[str],
    ) -> Localized | None:
        if isinstance(one.notice, dict):
            return self._notice(one.notice, path)
        if one.notice is not None and one.notice not in known:
            self.problems.append(f"{where(path)}: no notice '{one.notice}'{meant(one.notice, known)}")
        return None if one.notice is None else notices.get(one.notice)

    def _prices(self, document: Document) -> tuple[PriceSettings, ...]:
        found: list[PriceSettings] = []
        ours = [name for name in PriceSettings.model_fields if name != "price"]
        for index, given in enumerate(document.prices):
            path = ("prices", index)
            known = [*ours, *PriceFact.__dataclass_fields__]
            unknown = [key for key in given if key not in known]
            self.problems += [f"{where((*path, key))}: unknown key{meant(key, known)}" for key in unknown]
            fact = {key: value for key, value in given.items() if key not in ours and key not in unknown}
            try:
                price = _PRICE.validate_python(fact)
                found.append(PriceSettings(**{k: v for k, v in given.items() if k in ours}, price=price))
            except ValidationError as error:
                kind = PriceFact if error.title == "PriceFact" else PriceSettings
                self.problems += problems(error, kind, path)
        return tuple(found)

    def _check_names(self, document: Document) -> None:
        if urlsplit(document.store.url).password:
            self.problems.append(f"store.url: {LITERAL}")
        for name, account in document.accounts.items():
            self._check_name(account.get("brand", "default"), document.brands, f"accounts.{name}.brand", "brand")
        self.problems += unsupported(document)
        for index, price in enumerate(document.prices):
            if price.get("account") is not None:
                at = f"prices[{index}].account"
                self._check_name(price["account"], document.accounts, at, "account", always=True)
        for index, one in enumerate(document.withdrawals):
            self._check_name(one.brand, document.brands, f"withdrawals[{index}].brand", "brand")
            if one.account is not None:
                self._check_name(one.account, document.accounts, f"withdrawals[{index}].account", "account")
        for name, queue in document.queues.items():
            for index, account_id in enumerate(queue.accounts):
                at = f"queues.{name}.accounts[{index}]"
                self._check_name(account_id, document.accounts, at, "account", always=True)

    def _check_name(self, name: object, known: Mapping[str, Any], at: str, what: str, *, always: bool = False) -> None:
        if (known or always) and name not in known:
            self.problems.append(f"{at}: no {what} '{name}'{meant(str(name), known)}")


def _with_brand(raw: dict[str, Any]) -> dict[str, Any]:
    """The same, with the brand said where there is only one: what names none belongs to it."""
    brands = raw.get("brands")
    if not _is_table(brands) or len(brands) != 1:
        return raw
    shared = {"brand": next(iter(brands))}
    changed = dict(raw)
    accounts, withdrawals = raw.get("accounts"), raw.get("withdrawals")
    if _is_table(accounts):
        changed["accounts"] = {key: {**shared, **one} if _is_table(one) else one for key, one in accounts.items()}
    if _is_list(withdrawals):
        changed["withdrawals"] = [{**shared, **one} if _is_table(one) else one for one in withdrawals]
    return changed


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _time_of(value: object, *, dated: bool) -> datetime | None:
    """The time that a value is. `dated` keys take dates and texts as well: a date is its first moment."""
    if isinstance(value, datetime):
        return value
    if not dated or not isinstance(value, str | date):
        return None
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    except ValueError:
        return None


def _is_literal_secret(kind: type[Account], key: str, value: object) -> bool:
    info = kind.model_fields.get(key)
    if info is None or "SecretStr" not in str(info.annotation):
        return False
    values = value if _is_list(value) else [value]
    return any(isinstance(one, str) and one and not one.startswith(REFERENCES) for one in values)


def _is_named_text(kind: type[Account], key: str, value: object) -> bool:
    info = kind.model_fields.get(key)
    named = isinstance(value, str) and value.startswith(REFERENCES)
    return info is not None and named and "SecretStr" not in str(info.annotation)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _channels() -> str:
    named = (described(one).channel for one in entries().values() if one.channel_field is None)
    return ", ".join(sorted({*named, *PLACES}))
