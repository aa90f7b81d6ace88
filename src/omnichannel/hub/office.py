"""What verbs work with, and how they are run: each verb is written once, for the hub and for the client without a loop.

A verb is a generator, as an adapter's flow is: it yields units of work, is sent what they gave, and returns its result.
So whoever runs it decides how a store is waited for, and the verb itself does no IO.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import Connection

from omnichannel.engines.base import Engine
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.continuing import Continuing
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.policy import Advisor, Policy, WithdrawalBook
from omnichannel.stores import health, withdrawals
from omnichannel.stores.base import Store
from omnichannel.stores.sql import SqlStore

T = TypeVar("T")
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of work that a verb asks for. It may be run twice before it commits once."""

    unit: Callable[[Connection], Any]
    writes: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a writing operation that handles many: what is asked for at the same moment shares its statements."""

    bulk: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any

    def unit(self, connection: Connection) -> Any:
        """The operation for this item alone."""
        return self.bulk(connection, [self.item])[0]


Verb: TypeAlias = Generator[Step | Item, Any, T]


def read(unit: Callable[[Connection], T]) -> Verb[T]:
    """Asks for what a reading unit gives."""
    return cast(T, (yield Step(unit, writes=False)))


def write(unit: Callable[[Connection], T]) -> Verb[T]:
    """Asks for what a writing unit gives, once it is on disk."""
    return cast(T, (yield Step(unit, writes=True)))


def write_item(bulk: Callable[[Connection, Sequence[Given]], Sequence[T]], item: Given) -> Verb[T]:
    """Asks for what a writing operation on many gives for one, once it is on disk."""
    return cast(T, (yield Item(bulk, item)))


class Office:
    """What the verbs need to know of the configuration and of the moment. `doors` are made when a verb asks for the
    channels: most verbs load no adapter."""

    def __init__(
        self, store: Store, clock: Clock, ids: IdSource, policy: Policy, make_doors: Callable[[], Doors]
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.policy = policy
        self.book = WithdrawalBook(store, clock)
        self.board = HealthBoard(store, clock, ids)
        self._store = store
        self._make_doors = make_doors

    @cached_property
    def doors(self) -> Doors:
        """The channels."""
        return self._make_doors()

    @cached_property
    def advisor(self) -> Advisor:
        """Who tells routing what it asks."""
        return Advisor(self.doors, self.policy, self.book, self.board)

    @cached_property
    def continuing(self) -> Continuing:
        """Who makes links and notices."""
        return Continuing(self._store, self.clock, self.ids, self.doors, self.policy, self.book)


def refresh(office: Office) -> Verb[None]:
    """Reads the withdrawals and the health of accounts as they are now, whichever process changed them."""
    state, current, states = yield from read(lambda c: (withdrawals.state(c), withdrawals.active(c), health.states(c)))
    office.book.take(state, current)
    office.board.take(states)


async def perform(verb: Verb[T], store: Store, engine: Engine) -> T:
    """Runs a verb on an event loop, and wakes the workers where it has written. Raises what its units raise."""
    wrote = False
    try:
        step = next(verb)
        while True:
            if isinstance(step, Item):
                answer, wrote = await store.batch(step.bulk, step.item), True
            else:
                answer = await (store.write if step.writes else store.read)(step.unit)
                wrote = wrote or step.writes
            step = verb.send(answer)
    except StopIteration as end:
        if wrote:
            engine.kick()
        return cast(T, end.value)
    finally:
        verb.close()


def perform_sync(verb: Verb[T], store: SqlStore) -> T:
    """Runs a verb in the calling thread. Raises what its units raise."""
    try:
        step = next(verb)
        while True:
            writes = isinstance(step, Item) or step.writes
            step = verb.send((store.write_sync if writes else store.read_sync)(step.unit))
    except StopIteration as end:
        return cast(T, end.value)
    finally:
        verb.close()
