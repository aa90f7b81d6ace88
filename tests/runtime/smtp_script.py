"""A mail server of a few lines that answers, or hangs up, as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

HANG_UP = ""
REPLIES = {
    "CONNECT": "220 ready",
    "EHLO": "250-here\r\n250 SIZE 1000000",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 queued as 17",
    "QUIT": "221 bye",
}


@dataclass
class Script:
    """`replies` by command (and by `RCPT <address>`); an empty one hangs up."""

    replies: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    lines: list[bytes] = field(default_factory=list[bytes])
    size: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def reply(self, command: str, line: str) -> str:
        return self.replies.get(line, self.replies.get(command, REPLIES.get(command, "500 what?")))

    def talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            command, line, data = "CONNECT", "", False
            while (reply := self.reply(command, line)) != HANG_UP:
                stream.write(reply.encode() + b"\r\n")
                stream.flush()
                data = command == "DATA" and reply.startswith("354")
                raw = stream.readline()
                while data and raw and raw != b".\r\n":
                    self.size += len(raw)
                    if len(self.lines) < 2000:
                        self.lines.append(raw)
                    raw = stream.readline()
                if not raw:
                    return
                line = raw.decode().rstrip()
                command = line.partition(" ")[0].upper() or "EMPTY"
                if not data:
                    self.lines.append(raw)


@contextmanager
def scripted(replies: Mapping[str, str] | None = None) -> Generator[Script]:
    """Serves one connection after the other on loopback."""
    script = Script(replies or {})
    listener = socket.create_server(("127.0.0.1", 0))
    script.port = listener.getsockname()[1]
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            worker = threading.Thread(target=_quietly, args=(script, connection))
            worker.start()
            threads.append(worker)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield script
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for worker in threads:
            worker.join(5)


def _quietly(script: Script, connection: socket.socket) -> None:
    try:
        script.talk(connection)
    except OSError:
        return
