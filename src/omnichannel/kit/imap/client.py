"""The lower half of the IMAP client: events in, commands and their ends out. The script is in `session.py`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from omnichannel.channel.session import Close, Send, Session, SessionAction, WakeAt
from omnichannel.kit.imap.replies import CODE, COUNT, TAGGED, capabilities_in, shown
from omnichannel.kit.imap.responses import BodyData, BodyStart, NotImap, Piece, Response, Responses

__all__ = [
    "ANSWER_WITHIN",
    "Committed",
    "End",
    "Event",
    "ImapClient",
    "Script",
    "Started",
    "Tick",
    "Untagged",
    "ignore",
]

ANSWER_WITHIN = timedelta(seconds=60)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Started:
    """The connection is secured."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time has come, or something else woke us."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything up to this cursor is on disk."""

    cursor: str


Event: TypeAlias = Piece | Started | Tick | Committed
Script: TypeAlias = Generator[None, Event, None]
Untagged: TypeAlias = Callable[[Piece], object]


class End(Exception):
    """Raised and caught inside the client: the connection has no future."""

    def __init__(self, reason: str, *, auth: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.auth = auth


def ignore(piece: Piece) -> None:
    """For commands whose untagged answers say nothing that we need."""


class ImapClient(Session):
    """One connection. Whatever the server says, it answers with actions, never raises."""

    def __init__(self) -> None:
        self._responses = Responses()
        self._actions: list[SessionAction] = []
        self._script: Script | None = None
        self._ended = False
        self._now = datetime.min.replace(tzinfo=UTC)
        self._deadline = _NEVER
        self._tag = 0
        self._capabilities: frozenset[str] = frozenset()
        self._validity = 0
        self._next = 0
        self._exists = 0
        self._news = False

    @abstractmethod
    def _run(self) -> Script:
        """The script: what is said in which order."""

    # -- the Session interface

    def start(self, now: datetime) -> Sequence[SessionAction]:
        """The connection is open (again, after TLS)."""
        if self._script is not None:
            return self._take(Started(), now)
        self._now = now
        self._script = self._run()
        return self._drive(self._script, None)

    def receive(self, data: bytes, now: datetime) -> Sequence[SessionAction]:
        """Bytes came in, in any slices."""
        if self._ended:
            return ()
        self._now = now
        actions: list[SessionAction] = []
        try:
            for piece in self._responses.feed(data):
                actions.extend(self._take(piece, now))
                if self._ended:
                    break
        except NotImap as error:
            actions.extend(self._close(str(error)))
        return actions

    def tick(self, now: datetime) -> Sequence[SessionAction]:
        """The time asked for by `WakeAt` has come."""
        return self._take(Tick(), now)

    def committed(self, cursor: str, now: datetime) -> Sequence[SessionAction]:
        """A mail and its cursor are on disk: the next one may come."""
        return self._take(Committed(cursor), now)

    # -- driving the script

    def _take(self, event: Event, now: datetime) -> Sequence[SessionAction]:
        self._now = now
        return () if self._script is None or self._ended else self._drive(self._script, event)

    def _drive(self, script: Script, event: Event | None) -> Sequence[SessionAction]:
        try:
            if event is None:
                next(script)
            else:
                script.send(event)
        except End as end:
            return self._close(end.reason, auth=end.auth)
        actions, self._actions = self._actions, []
        return actions

    def _close(self, reason: str, *, auth: bool = False) -> Sequence[SessionAction]:
        self._ended = True
        actions, self._actions = self._actions, []
        return [*actions, Close(reason, auth=auth)]

    def _emit(self, action: SessionAction) -> None:
        self._actions.append(action)

    def _wake_in(self, wait: timedelta) -> None:
        self._deadline = self._now + wait
        self._emit(WakeAt(self._deadline))

    def _due(self) -> bool:
        return self._now >= self._deadline

    # -- commands and responses

    def _send(self, command: bytes) -> bytes:
        self._tag += 1
        tag = b"a%d" % self._tag
        self._emit(Send(tag + b" " + command + b"\r\n"))
        return tag

    def _command(
        self, command: bytes, note: Untagged = ignore, *, answers: tuple[bytes, ...] = ()
    ) -> Generator[None, Event, tuple[str, str]]:
        """Sends a command and gives its end: OK, NO or BAD, and the text. `answers` are for continuation requests."""
        tag = self._send(command)
        self._wake_in(ANSWER_WITHIN)
        return (yield from self._until(tag, note, answers))

    def _until(
        self, tag: bytes, note: Untagged, answers: tuple[bytes, ...] = ()
    ) -> Generator[None, Event, tuple[str, str]]:
        left = list(answers)
        while True:
            piece = yield from self._piece()
            if isinstance(piece, Response):
                match = TAGGED.fullmatch(piece.line)
                if match and match[1] == tag:
                    self._note_capabilities(piece.line)
                    return match[2].decode().upper(), shown(match[3])
                if piece.line.startswith(b"+"):
                    if not left:
                        raise End("the server waits for something that it was not promised")
                    self._emit(Send(left.pop(0) + b"\r\n"))
                    continue
            note(piece)

    def _response(self) -> Generator[None, Event, Response]:
        while True:
            piece = yield from self._piece()
            if isinstance(piece, Response):
                return piece

    def _piece(self) -> Generator[None, Event, Piece]:
        """The next piece of a response. A server that is silent for too long is taken for dead."""
        while True:
            event = yield
            self._note(event)
            if isinstance(event, Response | BodyStart | BodyData):
                if isinstance(event, BodyData):
                    self._deadline = self._now + ANSWER_WITHIN
                return event
            if self._due():
                raise End("the server is silent")
            self._wake_again()

    def _rest(self) -> Generator[None, Event, Event]:
        """Whatever comes next, while silence is what we expect."""
        event = yield
        self._note(event)
        if not self._due():
            self._wake_again()
        return event

    def _wake_again(self) -> None:
        self._emit(WakeAt(self._deadline))

    def _rest_for_ever(self) -> None:
        self._deadline = _NEVER

    def _note(self, event: Event) -> None:
        """What the server may say at any time."""
        if not isinstance(event, Response):
            return
        line = event.line
        if line[:5].upper() == b"* BYE":
            raise End(f"the server closed: {shown(line[5:])}")
        if count := COUNT.match(line):
            number = int(count[1])
            if count[2].upper() == b"EXPUNGE":
                self._exists = max(0, self._exists - 1)
            else:
                self._news = self._news or number > self._exists
                self._exists = number
        elif line[:1] == b"*":
            self._note_capabilities(line)

    def _note_folder(self, piece: Piece) -> None:
        if isinstance(piece, Response) and (code := CODE.search(piece.line)):
            if code[1].upper() == b"UIDVALIDITY":
                self._validity = int(code[2])
            else:
                self._next = int(code[2])

    def _note_capabilities(self, line: bytes) -> None:
        self._capabilities = capabilities_in(line) or self._capabilities
