"""What X says beside messages: blocks, revocations, read receipts; and whose account an event is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import ValidationError

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.messages import Around, Whose, at_ms, unrecognized
from omnichannel.adapters.x.shapes import Json
from omnichannel.adapters.x.wire import MARK_READ
from omnichannel.channel import AccountChanged, ChannelEvent, ConsentChanged, DeliveryUpdated
from omnichannel.kit.times import at_iso

NOT_OURS = "no account of ours has this user id"


class Accounts:
    """Our accounts behind one endpoint, looked up by the numeric user id."""

    def __init__(self, primary: XAccount, accounts: Sequence[XAccount]) -> None:
        self._primary = primary
        self._accounts = tuple(accounts)
        self._by_id = {one.own_id: one for one in accounts if one.own_id is not None}

    @property
    def fallback(self) -> str:
        """The account that what is nobody's is filed under."""
        return self._primary.id

    def whose(self, user_id: str | None) -> Whose | None:
        """The account of a user id. One account alone takes what names nobody, and learns its own id so."""
        known = self._by_id.get(user_id or "")
        alone = self._accounts[0] if len(self._accounts) == 1 else None
        if known is None and alone is not None and (user_id is None or alone.own_id is None):
            known = alone
        if known is None:
            return None
        ours = user_id or known.own_id
        return Whose(
            account=known.id,
            user_id=ours,
            username=known.username,
            own_ids=frozenset(self._by_id) - {ours or ""},
        )


def guarded(
    kind: str, item: Json, account: str, around: Around, read: Callable[[], list[ChannelEvent]]
) -> list[ChannelEvent]:
    """What `read` makes of an item; `Unrecognized`, saying where, if it is not of the shape that we know."""
    try:
        return read()
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"]))
        return [unrecognized(kind, f"not of the known shape: {where}", item, account, around)]


def block_event(source: str, target: str, on: bool, key: str, whose: Whose, around: Around) -> ChannelEvent:
    """Somebody blocked us, or took it back: no message reaches them. Or we did it."""
    if source == whose.user_id:
        detail = f"we {'blocked' if on else 'unblocked'} user {target}"
        return AccountChanged(
            account=whose.account, dedupe=key, occurred_at=around.received_at, state="info", detail=detail
        )
    return ConsentChanged(
        account=whose.account,
        dedupe=key,
        occurred_at=around.received_at,
        sender=source,
        purpose="all",
        granted=not on,
        text="block" if on else "unblock",
    )


def revoked(whose: Whose, user_id: str, date_time: str | None, app_id: str | None, around: Around) -> AccountChanged:
    """The user took the app's access away."""
    return AccountChanged(
        account=whose.account,
        dedupe=f"revoke:{user_id}:{date_time or ''}",
        occurred_at=at_iso(date_time) or around.received_at,
        state="revoked",
        detail=f"user {user_id} removed app {app_id or 'of ours'}: connect the account again",
    )


def read_receipts(items: Sequence[object], whose: Whose, around: Around) -> list[ChannelEvent]:
    """Somebody read our DMs up to one of them. That we read theirs is no news."""
    found: list[ChannelEvent] = []
    for item in items:
        mark = MARK_READ.validate_python(item)
        if mark["sender_id"] == whose.user_id:
            continue
        found.append(
            DeliveryUpdated(
                account=whose.account,
                dedupe=f"read:{mark['sender_id']}:{mark['last_read_event_id']}",
                occurred_at=at_ms(mark.get("created_timestamp")) or around.received_at,
                receipt=mark["last_read_event_id"],
                state="read",
                recipient=mark["sender_id"],
            )
        )
    return found
