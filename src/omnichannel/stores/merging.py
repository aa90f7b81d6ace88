"""Two customers are one person: a row that points, with its evidence. Nothing is rewritten, so it can be undone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from omnichannel.stores.schema import merges
from omnichannel.stores.units import Fact


def merge(
    connection: Connection,
    *,
    brand: str,
    customer_id: str,
    into_id: str,
    assurance: int,
    evidence: str,
    reason: str,
    now: datetime,
    address_id: str | None = None,
) -> list[Fact]:
    """Points the customer at the one they are. Gives what is to be told; nothing where they are the same already."""
    if customer_id == into_id:
        return []
    connection.execute(
        insert(merges).values(
            brand=brand,
            customer_id=customer_id,
            into_id=into_id,
            address_id=address_id,
            assurance=assurance,
            evidence=evidence,
            reason=reason,
            created_at=now,
        )
    )
    return [Fact(type="customer.merged", brand=brand, data={"customer": customer_id, "into": into_id})]
