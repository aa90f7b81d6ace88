"""What a customer agreed to and revoked, for one purpose on one channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from omnichannel.model.address import Consent

__all__ = ["NEEDS_GRANT", "Standing", "consent_for"]

Standing: TypeAlias = Literal["granted", "not_asked", "revoked"]

ALL = "all"
NEEDS_GRANT: frozenset[str] = frozenset({"marketing"})
"""Purposes that need an agreement first; the others need that nobody said no."""


def consent_for(consents: Iterable[Consent], brand: str, purpose: str, channel: str) -> Standing:
    """Where consent stands: it never crosses brands, and the rows may be those of merged customers.

    A revocation holds until a later grant that is about the same channel (or was itself about every channel) and about
    the purpose or about everything. Of rows of the same time the revocation wins. Writing START again lifts a STOP and
    is no agreement to marketing by itself: that is granted only where the last word about marketing is a yes.
    """
    rows = sorted(
        (c for c in consents if c.brand == brand and c.purpose in (purpose, ALL) and c.channel in (channel, None)),
        key=lambda c: (c.changed_at, not c.granted),
    )
    revoked: set[str | None] = set()
    for row in rows:
        if row.granted:
            revoked -= {row.channel} if row.channel is None else {row.channel, None}
        else:
            revoked.add(row.channel)
    if revoked:
        return "revoked"
    about_it = [row for row in rows if row.purpose == purpose]
    return "granted" if about_it and about_it[-1].granted else "not_asked"
