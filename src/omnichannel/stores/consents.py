"""What customers agreed to and revoked. Revoked, never withdrawn: that word is about channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert

from omnichannel.model.address import Consent
from omnichannel.stores.records import families_of
from omnichannel.stores.schema import consents
from omnichannel.stores.statements import rows_among
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import AccountInfo, Fact


def record(
    connection: Connection,
    *,
    info: AccountInfo,
    customer_id: str,
    address_id: str | None,
    purpose: str,
    granted: bool,
    source: str,
    text: str,
    at: datetime,
) -> Fact:
    """Adds a row; nothing is overwritten, so that it can be shown later who said what, when and how."""
    connection.execute(
        insert(consents).values(
            brand=info.brand,
            customer_id=customer_id,
            address_id=address_id,
            purpose=purpose,
            channel=info.channel,
            granted=granted,
            source=source,
            changed_at=at,
            text=text,
        )
    )
    what = {"customer": customer_id, "purpose": purpose, "channel": info.channel, "granted": granted, "source": source}
    return Fact(type="consent.changed", brand=info.brand, data=what)


def of_many(connection: Connection, customers: Mapping[str, str]) -> dict[str, list[Consent]]:
    """The consents of customers, given with their brands, newest last; those of everyone merged into them count."""
    members = families_of(connection, set(customers))
    found: dict[str, list[Consent]] = {}
    for row in rows_among(connection, consents, "customer_id", members, order=("changed_at", "seq")):
        owner = members[row.customer_id]
        if row.brand == customers[owner]:
            found.setdefault(owner, []).append(_consent(row, owner))
    return found


def of(connection: Connection, brand: str, customer_id: str) -> Sequence[Consent]:
    """The customer's consents, newest last; those of everyone merged into them count."""
    return of_many(connection, {customer_id: brand}).get(customer_id, [])


def _consent(row: AnyRow, customer_id: str) -> Consent:
    return Consent(
        brand=row.brand,
        customer_id=customer_id,
        purpose=row.purpose,
        channel=row.channel,
        granted=row.granted,
        source=row.source,
        changed_at=row.changed_at,
        text=row.text,
        proof=row.proof,
    )
