"""Who writes: addresses and customers, looked up in bulk and created where they are new.

A `Directory` is a view of the rows that one batch of events needs. What a batch creates is visible to the rest of
it at once, and written by `flush` in a few statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from omnichannel.model.address import Assurance
from omnichannel.model.event import MessageReceived
from omnichannel.model.ids import IdSource
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import addresses, aliases, contacts, customers, merges
from omnichannel.stores.statements import rows_among
from omnichannel.stores.types import fetch
from omnichannel.stores.units import AccountInfo
from omnichannel.stores.upsert import among_found, has_nul, insert_rows, member_of, update_rows, upsert

Key = tuple[str, str, str]
OPTED_OUT = "opted_out"
"""Why an address is not to be written to where the platform itself said so, until somebody writes from it again."""


@dataclass(slots=True)
class AddressRow:
    """An address with the customer it belongs to now (merges followed)."""

    id: str
    brand: str
    channel: str
    value: str
    customer_id: str
    owner_id: str
    assurance: int
    name: str | None
    aliases: dict[str, str]
    language: str | None = None
    unreachable: str | None = None


def _known(here: ColumnElement[bool], named: ColumnElement[bool]) -> Select[Any]:
    """Addresses with some values, as themselves or as aliases, and the language of whose they are."""
    alias = select(aliases.c.address_id).where(named)
    whose = customers.c.id == addresses.c.customer_id
    either = here | among_found(addresses.c.id, alias)
    return select(addresses, customers.c.language).join(customers, whose).where(either)


_KNOWN = Prepared(_known(member_of(addresses.c.value, "values"), member_of(aliases.c.value, "values")))


@dataclass(slots=True)
class Directory:
    """The addresses and customers of one batch."""

    connection: Connection
    ids: IdSource
    now: datetime
    _by_value: dict[Key, AddressRow] = field(default_factory=dict[Key, AddressRow])
    _by_alias: dict[tuple[str, Key], AddressRow] = field(default_factory=dict[tuple[str, Key], AddressRow])
    _new_addresses: list[AddressRow] = field(default_factory=list[AddressRow])
    _new_customers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _new_aliases: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _changed: dict[str, AddressRow] = field(default_factory=dict[str, AddressRow])
    _contacts: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])
    _languages: dict[str, str] = field(default_factory=dict[str, str])

    def load(self, values: Iterable[str]) -> None:
        """Reads the addresses with these values, as themselves or as aliases."""
        wanted = list(set(values))
        if not wanted:
            return
        if has_nul(wanted):
            rows = fetch(self.connection, _known(addresses.c.value.in_(wanted), aliases.c.value.in_(wanted)))
        else:
            rows = _KNOWN.rows(self.connection, values=wanted)
        owners = owners_of(self.connection, {row.customer_id for row in rows})
        for row in rows:
            self._remember(
                AddressRow(
                    id=row.id,
                    brand=row.brand,
                    channel=row.channel,
                    value=row.value,
                    customer_id=row.customer_id,
                    owner_id=owners.get(row.customer_id) or row.customer_id,
                    assurance=row.assurance,
                    name=row.name,
                    aliases=row.aliases or {},
                    language=row.language,
                    unreachable=None if row.unreachable_at is None else row.unreachable_why or "",
                )
            )

    def _remember(self, row: AddressRow) -> None:
        self._by_value[row.brand, row.channel, row.value] = row
        for kind, value in row.aliases.items():
            self._by_alias[kind, (row.brand, row.channel, value)] = row

    def find(self, info: AccountInfo, value: str, names: Mapping[str, str]) -> AddressRow | None:
        """The address of that value, or of one of its other names."""
        row = self._by_value.get((info.brand, info.channel, value))
        if row is not None:
            return row
        for kind, name in names.items():
            found = self._by_alias.get((kind, (info.brand, info.channel, name)))
            if found is not None:
                return found
        for kind in ("bsuid", "wa_id", "parent_bsuid", "former"):
            found = self._by_alias.get((kind, (info.brand, info.channel, value)))
            if found is not None:
                return found
        return None

    def sender(self, info: AccountInfo, event: MessageReceived) -> AddressRow:
        """The address that wrote; new people become customers."""
        row = self.find(info, event.sender, event.aliases)
        if row is None:
            row = self._create(info, event)
        self._learn(row, event)
        seen = self._contacts.get((row.id, info.id))
        if seen is None or seen < event.occurred_at:
            self._contacts[row.id, info.id] = event.occurred_at
        return row

    def _create(self, info: AccountInfo, event: MessageReceived) -> AddressRow:
        customer_id = self.ids.new("cus")
        self._new_customers.append(
            {
                "id": customer_id,
                "brand": info.brand,
                "name": event.sender_name,
                "language": None,
                "created_at": self.now,
            }
        )
        row = AddressRow(
            id=self.ids.new("adr"),
            brand=info.brand,
            channel=info.channel,
            value=event.sender,
            customer_id=customer_id,
            owner_id=customer_id,
            assurance=max(event.assurance, Assurance.UNKNOWN),  # a forged mail says nothing of the address
            name=event.sender_name,
            aliases=dict(event.aliases),
        )
        self._new_addresses.append(row)
        self._remember(row)
        self._name(row, event.aliases)
        return row

    def _name(self, row: AddressRow, names: Mapping[str, str]) -> None:
        for kind, value in names.items():
            self._new_aliases.append(
                {"value": value, "kind": kind, "channel": row.channel, "brand": row.brand, "address_id": row.id}
            )

    def _learn(self, row: AddressRow, event: MessageReceived) -> None:
        """Keeps what the event tells of its sender: new aliases, a higher assurance, a name."""
        fresh = {kind: value for kind, value in event.aliases.items() if row.aliases.get(kind) != value}
        if fresh:
            row.aliases.update(fresh)
            self._name(row, fresh)
            self._remember(row)
            self._changed[row.id] = row
        if event.assurance > row.assurance or (event.sender_name and event.sender_name != row.name):
            row.assurance = max(row.assurance, event.assurance)
            row.name = event.sender_name or row.name
            self._changed[row.id] = row
        if row.unreachable is not None:
            self._changed[row.id] = row  # whoever writes from there is there: `flush` takes the mark away

    def speaks(self, row: AddressRow, language: str) -> None:
        """Remembers a customer's language, the first time that it is known."""
        if row.language is None:
            row.language = language
            self._languages[row.customer_id] = language

    def rename(self, row: AddressRow, value: str, names: Mapping[str, str]) -> None:
        """The person goes on under another value: the old one becomes an alias, so that both still find them."""
        self._name(row, {"former": row.value} | dict(names))
        row.aliases = row.aliases | {"former": row.value} | dict(names)
        row.value = value
        self._remember(row)
        self._changed[row.id] = row

    def flush(self) -> None:
        """Writes what the batch created and learned."""
        connection = self.connection
        for customer in self._new_customers:
            customer["language"] = self._languages.pop(customer["id"], None)
        insert_rows(connection, customers, self._new_customers)
        insert_rows(connection, addresses, [self._address(row) for row in self._new_addresses])
        created = {row.id for row in self._new_addresses}
        changed = [
            {"id": row.id, "assurance": row.assurance, "name": row.name, "value": row.value, "aliases": row.aliases}
            | {"unreachable_at": None, "unreachable_why": None}
            for row in self._changed.values()
            if row.id not in created
        ]
        update_rows(connection, addresses, changed, key="id")
        upsert(
            connection, aliases, self._new_aliases, key=("value", "kind", "channel", "brand"), update=("address_id",)
        )
        seen = [
            {"address_id": address, "account": account, "last_in_at": at}
            for (address, account), at in self._contacts.items()
        ]
        upsert(connection, contacts, seen, key=("address_id", "account"), latest=("last_in_at",))
        spoken = [{"id": customer_id, "language": language} for customer_id, language in self._languages.items()]
        update_rows(connection, customers, spoken, key="id")

    def _address(self, row: AddressRow) -> dict[str, Any]:
        return {
            "id": row.id,
            "brand": row.brand,
            "channel": row.channel,
            "value": row.value,
            "customer_id": row.customer_id,
            "assurance": row.assurance,
            "name": row.name,
            "aliases": row.aliases,
            "created_at": self.now,
        }


def owners_of(connection: Connection, customer_ids: Iterable[str]) -> dict[str, str]:
    """For merged customers, who they are now: pointers are followed, rows are never rewritten."""
    owners: dict[str, str] = {}
    asked = set(customer_ids)
    pending = set(asked)
    hops: dict[str, str] = {}
    while pending:
        rows = rows_among(connection, merges, "customer_id", pending, order=("seq",))
        found = {row.customer_id: row.into_id for row in rows if row.undone_at is None}
        hops.update(found)
        pending = {into for into in found.values() if into not in hops}
    for customer in asked:
        owner, seen = customer, {customer}
        while owner in hops and hops[owner] not in seen:
            owner = hops[owner]
            seen.add(owner)
        if owner != customer:
            owners[customer] = owner
    return owners


def family_of(connection: Connection, customer_id: str) -> Sequence[str]:
    """The customer and all that were merged into it: whose rows are this person's."""
    family, pending = [customer_id], [customer_id]
    while pending:
        query = select(merges.c.customer_id).where(merges.c.into_id.in_(pending), merges.c.undone_at.is_(None))
        pending = [found for found in connection.execute(query).scalars() if found not in family]
        family.extend(pending)
    return family
