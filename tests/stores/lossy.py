"""A network between a store and its PostgreSQL server that loses a connection when it is told to."""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Literal, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"
Loss: TypeAlias = Literal["answer lost", "request lost", "request lost in silence"]
"""In silence: the server does not notice that its client is gone."""


class Lossy:
    """Used around a store, whose `url` is then that of this network."""

    def __init__(self, url: str) -> None:
        (host,) = parse_qs(urlsplit(url).query)["host"]
        self._server = str(Path(host) / SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="omni-net-"))
        self.url = url.replace(host, str(self._folder))
        self.lost = 0
        self._wanted: bytes | None = None
        self._how: Loss = "request lost"
        self._for_good = self._down = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener.bind(str(self._folder / SOCKET))
        self._listener.listen()
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            one.close()
        shutil.rmtree(self._folder)

    def lose(self, request: bytes, how: Loss, *, for_good: bool = False) -> None:
        """The next request with these bytes in it ends its connection. `for_good`: until it is mended no other is made
        either."""
        self._wanted, self._how, self._for_good = request, how, for_good

    def mend(self) -> None:
        """Connections are made again."""
        self._down = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._down:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._open += client, server
                Thread(target=self._requests, args=(client, server), daemon=True).start()
                Thread(target=self._answers, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while request := client.recv(65536):
                if self._wanted is not None and self._wanted in request:
                    self._wanted, self.lost, self._down = None, self.lost + 1, self._for_good
                    client.shutdown(socket.SHUT_RDWR)
                    if self._how == "answer lost":
                        server.sendall(request)
                    if self._how == "request lost in silence":
                        return
                    break
                server.sendall(request)
            server.shutdown(socket.SHUT_WR)

    @staticmethod
    def _answers(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(65536):
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)
