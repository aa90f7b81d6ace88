"""The store on SQLAlchemy Core: units of work in groups on one writing connection, readers beside it.

What was acknowledged is on disk. Everything synchronous runs in worker threads of its own limiter, so it works alike on
asyncio and trio; a simulation runs it in place instead. What is different on SQLite and PostgreSQL is in `drivers`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError

from omnichannel.model.exceptions import StoreError
from omnichannel.stores import drivers, migrate
from omnichannel.stores.turnstile import Turnstile
from omnichannel.stores.watch import EVERY, Watch

T = TypeVar("T")
Item = TypeVar("Item")
Unit = Callable[[Connection], T]
Bulk = Callable[[Connection, Sequence[Item]], Sequence[T]]

GROUP = 512
"""How many units at most share one commit: enough to make the sync cheap, few enough to keep p99 low."""


@dataclass(slots=True, eq=False)
class _Job:
    unit: Callable[[Connection], Any] | None
    bulk: Callable[[Connection, Sequence[Any]], Sequence[Any]] | None
    item: Any
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Group:
    """Jobs that commit together, and the event at which all who wait for them go on."""

    done: anyio.Event
    jobs: list[_Job] = field(default_factory=list[_Job])


@dataclass(slots=True)
class SqlStore:
    """One store. `threads=False` runs units in place: for simulations on a fake clock, where a thread would make
    time pass differently on each run.

    `changed` is called soon after a commit to a SQLite file, whoever it was; on PostgreSQL it is not."""

    url: str
    threads: bool = True
    migrate: str = "auto"
    durable: bool = True
    changed: Callable[[], None] | None = None
    _writer: Engine = field(init=False)
    _reader: Engine = field(init=False)
    _queue: deque[_Group] = field(init=False, default_factory=deque[_Group])
    _wake: anyio.Event | None = field(init=False, default=None)
    _tasks: AbstractAsyncContextManager[Any] | None = field(init=False, default=None)
    _connection: Connection | None = field(init=False, default=None)
    _turnstile: Turnstile = field(init=False, default_factory=lambda: Turnstile(None, 0.0))
    _threads: anyio.CapacityLimiter | None = field(init=False, default=None)
    _readers: anyio.CapacityLimiter | None = field(init=False, default=None)
    _turn: Lock = field(init=False, default_factory=Lock)
    _watch: Watch | None = field(init=False, default=None)
    _watching: anyio.CancelScope | None = field(init=False, default=None)

    # -- opening

    def open_sync(self) -> None:
        """Opens the database and brings its schema up to date, as `migrate` says. Raises `StoreError`."""
        url = drivers.url_of(self.url)
        sqlite = drivers.is_sqlite(self.url)
        memory = sqlite and url.database in (None, "", ":memory:")
        self._writer = drivers.open_engine(self.url, memory=memory, writes=True, durable=self.durable)
        self._reader = (
            self._writer if memory else drivers.open_engine(self.url, memory=False, writes=False, durable=True)
        )
        try:
            migrate.prepare(self._writer, self.migrate)
            self._connection = self._writer.connect()
            if self.threads and sqlite and not memory:
                self._turnstile = Turnstile(url.database, drivers.PATIENCE)
                self._watch = Watch(self._reader) if self.changed else None
        except DBAPIError as error:
            self.close_sync()
            said = " ".join(str(error.orig).split())
            raise StoreError(f"cannot open the store {url!r}: {said}. {_LOOK[sqlite]}") from error
        except BaseException:
            self.close_sync()
            raise

    def close_sync(self) -> None:
        """Closes all connections."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._turnstile.close()
        self._writer.dispose()
        self._reader.dispose()

    async def __aenter__(self) -> Self:
        if not self.threads:
            self.open_sync()
            return self
        self._threads = anyio.CapacityLimiter(1)
        self._readers = anyio.CapacityLimiter(4)
        self._wake = anyio.Event()
        await anyio.to_thread.run_sync(self.open_sync, limiter=self._threads)
        group = anyio.create_task_group()
        await group.__aenter__()
        self._tasks = group
        group.start_soon(self._commit_groups)
        if self._watch is not None and self.changed is not None:
            self._watching = anyio.CancelScope()
            group.start_soon(self._tell, self._watch, self.changed, self._watching)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tasks is None:
            self.close_sync()
            return
        # From here on nothing new is taken; what waits is committed, even where the block was cancelled.
        group = cast(anyio.abc.TaskGroup, self._tasks)
        self._tasks = None
        self._kick()
        if self._watching is not None:
            self._watching.cancel()
        group.cancel_scope.shield = True
        await group.__aexit__(None, None, None)
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close_sync, limiter=self._threads)

    async def _tell(self, watch: Watch, changed: Callable[[], None], until: anyio.CancelScope) -> None:
        with until:
            while True:
                await anyio.sleep(EVERY)
                if await anyio.to_thread.run_sync(watch.changed, limiter=self._readers):
                    changed()

    # -- units

    async def write(self, unit: Unit[T]) -> T:
        """Runs a unit and returns after its commit. Units may be run twice before they commit once: a group in
        which one fails is rolled back and run again one by one, so a unit must not change Python objects."""
        return cast(T, await self._submit(_Job(unit, None, None)))

    async def write_side_by_side(self, units: Sequence[Unit[T]]) -> list[T | Exception]:
        """Runs units that have nothing to do with each other, in one commit where that can be; gives what each
        returned or raised."""
        jobs = [_Job(unit, None, None) for unit in units]
        if self.threads:
            for group in dict.fromkeys([self._join(job) for job in jobs]):
                await _committed(group)
        else:
            for job in jobs:
                self._run([job])
        return [cast(T, job.result) if job.error is None else job.error for job in jobs]

    async def batch(self, bulk: Bulk[Item, T], item: Item) -> T:
        """Like `write`, for one item of an operation that handles many at once: all items that are waiting for the
        same operation share one call, and so one statement."""
        return cast(T, await self._submit(_Job(None, bulk, item)))

    async def read(self, unit: Unit[T]) -> T:
        """Runs a reading unit on a connection of its own; in a simulation on the only one."""
        if not self.threads:
            return self.write_sync(unit)
        return await anyio.to_thread.run_sync(self.read_sync, unit, limiter=self._readers)

    def read_sync(self, unit: Unit[T]) -> T:
        """Runs a reading unit in the calling thread; any number of threads may. Raises `StoreError` where the database
        fails."""
        if self._reader is self._writer:  # in memory there is one connection, and it has no room for two at once
            return self.write_sync(unit)
        try:
            with self._reader.connect() as connection, connection.begin():
                return unit(connection)
        except DatabaseError as error:
            raise _store_error(error) from error

    def write_sync(self, unit: Unit[T]) -> T:
        """Runs one unit and commits it, in the calling thread; threads take turns."""
        job = _Job(unit, None, None)
        self._run([job])
        if job.error is not None:
            raise job.error
        return cast(T, job.result)

    # -- group commit

    @property
    def waiting(self) -> int:
        """How many units wait for the next commit: for back-pressure."""
        return sum(len(group.jobs) for group in self._queue)

    async def _submit(self, job: _Job) -> Any:
        if not self.threads:
            self._run([job])
        else:
            await _committed(self._join(job))
        if job.error is not None:
            raise job.error
        return job.result

    def _join(self, job: _Job) -> _Group:
        if self._tasks is None:
            raise StoreError("the store is not open: use `async with hub`")
        if not self._queue or len(self._queue[-1].jobs) >= GROUP:
            self._queue.append(_Group(anyio.Event()))
        group = self._queue[-1]
        group.jobs.append(job)
        self._kick()
        return group

    def _kick(self) -> None:
        if self._wake is not None:
            self._wake.set()

    async def _commit_groups(self) -> None:
        # Shielded: who is cancelled together with the store may still have units to commit on the way out.
        with anyio.CancelScope(shield=True):
            try:
                while self._tasks is not None or self._queue:
                    if self._queue:
                        await self._commit(self._queue.popleft())
                        await anyio.lowlevel.checkpoint()  # who has waited for it may have more, and share the next
                    else:
                        await cast(anyio.Event, self._wake).wait()
                        self._wake = anyio.Event()
            finally:
                self._tasks = None
                for group in self._queue:
                    _end(group, StoreError("the store was stopped before it could commit"))

    async def _commit(self, group: _Group) -> None:
        error: StoreError | None = StoreError("the store was stopped while it committed")
        try:
            await anyio.to_thread.run_sync(self._run, group.jobs, limiter=self._threads)
            error = None
        except Exception as failure:
            error = StoreError(f"the store could not run its units: {failure}")
        finally:
            _end(group, error)

    def _run(self, jobs: list[_Job]) -> None:
        with self._turn:
            connection = cast(Connection, self._connection)
            if self._attempt(connection, jobs) or len(jobs) == 1:
                return
            for job in jobs:
                job.error = None
                self._attempt(connection, [job])

    def _attempt(self, connection: Connection, jobs: list[_Job], *, again: bool = True) -> bool:
        """One transaction for all jobs. False, with everything undone, where one of them may be to blame."""
        begun, committing = False, None
        try:
            with self._turnstile, connection.begin():
                begun = True
                _run_jobs(connection, jobs)
                committing = drivers.transaction_of(connection)
        except Exception as error:
            lost = drivers.is_lost(error)
            # A server that was restarted while nothing was asked of it, and a conflict: nothing is done, so once more.
            if again and ((lost and not begun) or drivers.is_conflict(error)):
                return self._attempt(connection, jobs, again=False)
            wrapped = _store_error(error)
            if lost and committing is not None:
                found = drivers.was_committed(connection, committing)
                if found:
                    return True
                wrapped = wrapped if found is False else _in_doubt(error)
            for job in jobs:
                job.error = wrapped
            return lost or not begun
        return True


def store_of(url: str, migrate: str | None) -> SqlStore:
    """A store that is brought up to date or only looked at, as `migrate` says; by its kind where that is None."""
    return SqlStore(url, migrate=migrate or ("auto" if drivers.is_sqlite(url) else "check"))


async def _committed(group: _Group) -> None:
    """Waits for a group. Its units run whatever becomes of their callers, so a caller that is cancelled stays until
    they have."""
    try:
        await group.done.wait()
    except BaseException:
        with anyio.CancelScope(shield=True):
            await group.done.wait()
        raise


def _end(group: _Group, error: StoreError | None) -> None:
    if error is not None:
        for job in group.jobs:
            job.error = error
    group.done.set()


def _run_jobs(connection: Connection, jobs: list[_Job]) -> None:
    bulks: dict[Any, list[_Job]] = defaultdict(list)
    for job in jobs:
        if job.bulk is not None:
            bulks[job.bulk].append(job)
    for bulk, members in bulks.items():
        for job, result in zip(members, bulk(connection, [job.item for job in members]), strict=True):
            job.result = result
    for job in jobs:
        if job.unit is not None:
            job.result = job.unit(connection)


_OURS = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
"""Errors of a statement, not of the database."""


_LOOK = {
    True: "Check that the path exists, is writable and has space, and that no other program holds the database.",
    False: "Check that the server runs and can be reached, and that the role may create tables in the schema.",
}
"""What to look at where a store cannot be opened: one of SQLite, one of PostgreSQL."""


def _store_error(error: Exception) -> Exception:
    if isinstance(error, DatabaseError) and not isinstance(error, _OURS):
        return StoreError(f"the store failed: {error.orig}. Nothing of this unit is on disk; it may be tried again.")
    return error


def _in_doubt(error: Exception) -> StoreError:
    return StoreError(
        f"the store was lost while it committed: {getattr(error, 'orig', error)}. Nobody can say whether this unit is "
        "on disk: look before you try again, or try again under the same idempotency_key."
    )
