"""What Meta says about the business account and its templates, which concerns every number of that account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

from pydantic_core import to_json

from omnichannel.adapters.whatsapp import wire
from omnichannel.adapters.whatsapp.account import WhatsAppAccount
from omnichannel.adapters.whatsapp.errors import ACCOUNT_EVENTS, BANS, NO_ANSWERS, SEE, STATE_OUTCOMES, State
from omnichannel.channel import AccountChanged, Failure, Level
from omnichannel.kit.meta_graph import TEMPLATE_FIELDS, Unclear, moment, template_news
from omnichannel.model.base import EPOCH

ACCOUNT_FIELDS = TEMPLATE_FIELDS | {"account_update"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which of our accounts a webhook is about; `main` is the one whose endpoint it is."""

    main: str
    by_number: Mapping[str, str]
    by_waba: Mapping[str, tuple[str, ...]]
    without_waba: tuple[str, ...]

    @classmethod
    def of(cls, main: WhatsAppAccount, accounts: Iterable[WhatsAppAccount]) -> Numbers:
        """The numbers behind one endpoint."""
        everybody = tuple(accounts)
        wabas = {one.waba_id for one in everybody if one.waba_id}
        return cls(
            main=main.id,
            by_number={one.phone_number_id: one.id for one in everybody},
            by_waba={waba: tuple(one.id for one in everybody if one.waba_id == waba) for waba in wabas},
            without_waba=tuple(one.id for one in everybody if not one.waba_id),
        )

    def of_waba(self, waba_id: str) -> tuple[str, ...]:
        """The accounts of a business account; where it is named nowhere, those that name none."""
        return self.by_waba.get(waba_id) or self.without_waba


def account_events(
    numbers: Numbers, received_at: datetime, entry: dict[str, Any], field: str, value: dict[str, Any]
) -> Iterator[AccountChanged]:
    """One event for each of our numbers. Raises `Unclear` or `ValidationError` before the first."""
    if field in TEMPLATE_FIELDS:
        news = template_news(field, value, SEE)
        notice: Notice = ("", news.subject, "template", news.detail, news.failure)
    else:
        notice = _account(value)
    waba, subject, state, detail, failure = notice
    waba = waba or str(entry.get("id") or "")
    accounts = numbers.of_waba(waba)
    if not accounts:
        raise Unclear(f"no account here has waba_id {waba}")
    stamp = entry.get("time") if isinstance(entry.get("time"), int) else None
    key = stamp if stamp is not None else sha256(to_json(value)).hexdigest()
    for account in accounts:
        yield AccountChanged(
            account=account,
            dedupe=f"{field}:{waba}:{subject}:{key}",
            occurred_at=moment(stamp, received_at),
            state=state,
            detail=detail,
            failure=failure,
        )


Notice: TypeAlias = tuple[str, str, State, str, Failure | None]


def _account(value: dict[str, Any]) -> Notice:
    update = wire.ACCOUNT_UPDATE.validate_python(value)
    event, info, ban = update["event"], update.get("waba_info"), update.get("ban_info")
    ban_state = (ban.get("waba_ban_state") if ban else None) or ""
    state = BANS.get(ban_state, ACCOUNT_EVENTS.get(event, "info"))
    kinds = [one.get("restriction_type") or "" for one in update.get("restriction_info") or ()]
    ends = [end for one in update.get("restriction_info") or () if (end := one.get("expiration"))]
    detail = ": ".join(part for part in (event, ban_state, ", ".join(kinds)) if part)
    outcome = STATE_OUTCOMES.get(state)
    failure = None
    if outcome is not None and (not kinds or NO_ANSWERS in kinds):
        until = moment(max(ends), EPOCH) if ends else None
        failure = Failure(outcome=outcome, level=Level.ACCOUNT, code=event, message=detail, not_before=until, see=SEE)
    return (info.get("waba_id") if info else None) or "", f"{event}:{ban_state}", state, detail, failure
