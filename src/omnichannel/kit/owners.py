"""Whose an event is: our accounts behind one endpoint, looked up by what the platform calls them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Owner", "Owners"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Our account's id, our user id on the platform as far as it is known, our handle, and the user ids of our other
    accounts."""

    account: str
    user_id: str | None
    username: str | None = None
    own_ids: frozenset[str] = frozenset()


class Owners:
    """The accounts behind an endpoint. `fallback` is the id of the one that what is nobody's is filed under."""

    def __init__(self, fallback: str, owners: Iterable[Owner]) -> None:
        self.fallback = fallback
        self._owners = tuple(owners)
        self._by_id = {one.user_id: one for one in self._owners if one.user_id is not None}

    def of(self, user_id: str | None) -> Owner | None:
        """The account of a user id; None where it is nobody's. One account alone takes what names nobody, and, while
        it does not know its own id, learns it so."""
        known = self._by_id.get(user_id or "")
        alone = self._owners[0] if len(self._owners) == 1 else None
        if known is None and alone is not None and (user_id is None or alone.user_id is None):
            known = alone
        if known is None:
            return None
        ours = user_id or known.user_id
        others = frozenset(self._by_id) - {ours or ""}
        return Owner(account=known.account, user_id=ours, username=known.username, own_ids=others)
