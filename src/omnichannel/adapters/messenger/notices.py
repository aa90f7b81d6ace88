"""What Meta says about the Page itself: policy, integrity, templates, and which app holds a thread."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

from pydantic_core import to_json

from omnichannel.adapters.messenger import wire
from omnichannel.adapters.messenger.errors import SEE
from omnichannel.adapters.messenger.items import Events, Place, events_of
from omnichannel.channel import AccountChanged, Failure, Level, Outcome
from omnichannel.kit.meta_graph import TEMPLATE_FIELDS, Unclear, moment_ms, template_news
from omnichannel.model.base import EPOCH

State: TypeAlias = Literal["ok", "restricted", "suspended", "template", "info"]

# https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_policy_enforcement
_ACTIONS: dict[str, State] = {"warning": "info", "block": "suspended", "unblock": "ok"}
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_handovers
_HANDOVERS = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
_INTEGRITY = "https://developers.facebook.com/documentation/pages-api/integrity-webhook"
_MESSAGES = re.compile(r"messages?|messaging", re.IGNORECASE)
_WELL = frozenset({"active", "unrestricted", "ok", "none"})


def notice_or_events(place: Place, item: wire.Item) -> Events:
    """Events of an item of any kind: what is not about a message is about the Page. Raises `Unclear`."""
    stamp = item.get("timestamp") or place.stamp
    policy = item.get("policy_enforcement")
    if policy is not None:
        return [_policy(place, policy, stamp)]
    for name in _HANDOVERS:
        if item.get(name) is not None:
            return [_handover(place, item, name, stamp)]
    if item.get("violations") is not None or item.get("restrictions") is not None:
        return [_integrity(place, item, stamp)]
    return events_of(place, item)


def change_events(place: Place, field: str, value: Any) -> Events:
    """Events of an entry's `changes`. Raises `Unclear` or `ValidationError`."""
    if field in TEMPLATE_FIELDS:
        news = template_news(field, value, SEE)
        return [_changed(place, f"{field}:{news.subject}", "template", news.detail, news.failure, place.stamp)]
    # The same event in the other form that the documentation shows, with numbers as text.
    return notice_or_events(place, wire.ITEM.validate_python(value))


def _policy(place: Place, policy: wire.PolicyEnforcement, stamp: int | str | None) -> AccountChanged:
    action, reason = policy["action"], policy.get("reason") or ""
    state = _ACTIONS.get(action)
    if state is None:
        raise Unclear(f"policy action {action}")
    detail = f"{action}: {reason}" if reason else action
    failure = _suspended(action, detail, SEE) if state == "suspended" else None
    return _changed(place, f"policy:{action}", state, detail, failure, stamp)


def _integrity(place: Place, item: wire.Item, stamp: int | str | None) -> AccountChanged:
    """Violations and restrictions; only what stops messages holds the account."""
    restrictions, violations = item.get("restrictions") or [], item.get("violations") or []
    status = (item.get("status") or "").lower()
    kinds = [one.get("restriction_type") or one.get("type") or "" for one in (*restrictions, *violations)]
    detail = ": ".join(part for part in (status, ", ".join(kind for kind in kinds if kind)) if part)
    stops = [one for one in restrictions if _MESSAGES.search(one.get("restriction_type") or one.get("type") or "")]
    ends = [moment_ms(end, EPOCH) for one in stops if (end := one.get("expiration_time"))]
    failure = _suspended("integrity", detail, _INTEGRITY, max(ends, default=None)) if stops else None
    state: State = "suspended" if stops else "ok" if status in _WELL and not restrictions else "restricted"
    return _changed(place, f"integrity:{sha256(to_json(item)).hexdigest()}", state, detail, failure, stamp)


def _handover(place: Place, item: wire.Item, name: str, stamp: int | str | None) -> AccountChanged:
    """Another app has a thread now, or ours has: told to whoever follows, because nothing is wrong."""
    sender, words = item.get("sender"), [name]
    psid = (sender.get("id") if sender else None) or "page"
    control: dict[str, object] = cast(dict[str, Any], item).get(name) or {}
    for key, value in control.items():
        shown = cast(list[object], value) if isinstance(value, list) else [value]
        words.append(" ".join(map(str, (key, *shown))))
    return _changed(place, f"{name}:{psid}", "info", f"{psid}: {', '.join(words)}", None, stamp)


def _suspended(code: str, detail: str, see: str, until: datetime | None = None) -> Failure:
    return Failure(outcome=Outcome.SUSPENDED, level=Level.ACCOUNT, code=code, message=detail, not_before=until, see=see)


def _changed(
    place: Place, key: str, state: State, detail: str, failure: Failure | None, stamp: int | str | None
) -> AccountChanged:
    return AccountChanged(
        account=place.account,
        dedupe=f"{key}:{stamp if stamp is not None else sha256(detail.encode()).hexdigest()}",
        occurred_at=moment_ms(stamp, place.received_at),
        state=state,
        detail=detail,
        failure=failure,
    )
