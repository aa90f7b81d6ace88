"""The little HTTP that simulators need: requests, responses, routes, and the ASGI around them. Stdlib only."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote

from omnichannel.model.base import NOTHING

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
SendEvent: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, SendEvent], Awaitable[None]]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Awaitable["Response"]])

BODY_LIMIT = 64 * 1024 * 1024


class BadRequest(Exception):
    """The request cannot be read: answered with `response`."""

    def __init__(self, why: str, response: Response | None = None) -> None:
        super().__init__(why)
        self.response = response or json_response({"error": why}, 400)


@dataclass(frozen=True, slots=True)
class SimFile:
    """A file that a customer sends, or that was uploaded."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class MultipartBody:
    """The parts of a `multipart/form-data` body: fields in order, and files by field name."""

    fields: tuple[tuple[str, str], ...]
    files: Mapping[str, SimFile]

    def get(self, name: str, default: str = "") -> str:
        """The first field of that name."""
        return next((value for key, value in self.fields if key == name), default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as a simulated platform gets it. Header names are lower-case; `path` is decoded."""

    method: str
    host: str
    path: str
    raw_path: str = ""
    scheme: str = "https"
    query_string: str = ""
    headers: Mapping[str, str] = NOTHING
    content: bytes = b""
    path_params: Mapping[str, str] = NOTHING

    @property
    def url(self) -> str:
        """The URL as it was called."""
        query = f"?{self.query_string}" if self.query_string else ""
        return f"{self.scheme}://{self.host}{self.raw_path or self.path}{query}"

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The decoded parameters in order."""
        return tuple(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def bearer(self) -> str:
        """The bearer token, or an empty string."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if kind.lower() == "bearer" else ""

    @property
    def media_type(self) -> str:
        """The `Content-Type` without its parameters, lower-case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def json(self) -> Any:
        """The body as JSON. Raises `BadRequest`."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise BadRequest("the body is not JSON") from None

    def form(self) -> tuple[tuple[str, str], ...]:
        """The fields of an `application/x-www-form-urlencoded` body, in order. Raises `BadRequest`."""
        try:
            return tuple(parse_qsl(self.content.decode("ascii"), keep_blank_values=True))
        except UnicodeDecodeError:
            raise BadRequest("the form is not percent-encoded") from None

    def multipart(self) -> MultipartBody:
        """The fields and files of a `multipart/form-data` body. Raises `BadRequest`."""
        found = re.search(r'boundary="?([^";]+)"?', self.headers.get("content-type", ""))
        if self.media_type != "multipart/form-data" or found is None:
            raise BadRequest("the body is not multipart/form-data")
        fields: list[tuple[str, str]] = []
        files: dict[str, SimFile] = {}
        for headers, content in _parts(self.content, found[1].encode()):
            name = _disposition(headers, "name")
            file_name = _disposition(headers, "filename")
            if file_name is None:
                fields.append((name or "", content.decode("utf-8", "replace")))
            else:
                files[name or ""] = SimFile(file_name, content, _header(headers, "content-type") or "text/plain")
        return MultipartBody(tuple(fields), files)


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, bytes]]:
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if piece.startswith(b"--"):
            return
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator:
            raise BadRequest("a part of the multipart body has no headers")
        yield head.decode("utf-8", "replace"), content


def _header(headers: str, name: str) -> str | None:
    found = re.search(rf"^{name}:[ \t]*(.*?)[ \t\r]*$", headers, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else None


def _disposition(headers: str, name: str) -> str | None:
    found = re.search(rf'[; ]{name}="([^"]*)"', _header(headers, "content-disposition") or "")
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Response:
    """What a simulated platform answers; `chunks` streams instead of `content`."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    chunks: AsyncGenerator[bytes] | None = None


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] = NOTHING) -> Response:
    """An answer in JSON."""
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, content, {"content-type": "application/json; charset=utf-8", **headers})


def text_response(text: str, status: int = 200, *, media_type: str = "text/plain; charset=utf-8") -> Response:
    """An answer in words."""
    return Response(status, text.encode(), {"content-type": media_type})


def file_response(file: SimFile) -> Response:
    """A file's bytes."""
    return Response(200, file.content, {"content-type": file.type, "content-length": str(len(file.content))})


# ---------------------------------------------------------------- routes


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path template: `{name}` is one segment, `{name:path}` all that follows."""

    method: str
    template: str
    host: str | None
    pattern: re.Pattern[str]

    def match(self, request: Request) -> dict[str, str] | None:
        """The path parameters, or None where the path or the host is another one."""
        found = self.pattern.fullmatch(request.path)
        if found is None or (self.host is not None and request.host != self.host):
            return None
        return found.groupdict()


def route(method: str, template: str, *, host: str | None = None) -> Callable[[HandlerT], HandlerT]:
    """Makes an async method `(self, request) -> Response` of a simulator answer this method and path."""
    pieces = re.split(r"\{(\w+)(:path)?\}", template)
    pattern = re.escape(pieces[0])
    for name, rest, literal in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if rest else '[^/]+'})" + re.escape(literal)
    one = Route(method.upper(), template, host, re.compile(pattern))

    def mark(handler: HandlerT) -> HandlerT:
        handler.__dict__.setdefault("simulated_routes", []).append(one)
        return handler

    return mark


def routes_of(cls: type) -> tuple[tuple[Route, str], ...]:
    """The routes of a class and the names of their handlers; a subclass's own come first."""
    found: dict[tuple[str, str, str | None], tuple[Route, str]] = {}
    for base in cls.__mro__:
        for name, member in vars(base).items():
            for one in getattr(member, "simulated_routes", ()):
                found.setdefault((one.method, one.template, one.host), (one, name))
    return tuple(found.values())


def find(routes: tuple[tuple[Route, str], ...], request: Request) -> tuple[str, Request] | Response:
    """The handler's name and the request with its path parameters; else a 404 or a 405."""
    allowed: list[str] = []
    for one, name in routes:
        params = one.match(request)
        if params is None:
            continue
        if one.method == request.method:
            return name, replace(request, path_params=params)
        allowed.append(one.method)
    if allowed:
        return Response(405, b"", {"allow": ", ".join(sorted(set(allowed)))})
    return json_response({"error": f"no {request.method} {request.path} here"}, 404)


# ---------------------------------------------------------------- ASGI


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The whole request of an ASGI scope."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise BadRequest("the body is too large", Response(413))
        if event["type"] == "http.disconnect" or not event.get("more_body", False):
            break
    raw_path = (scope.get("raw_path") or b"").decode("latin-1")
    return Request(
        method=scope["method"],
        host=headers.get("host", "").lower(),
        path=unquote(raw_path) if raw_path and not scope.get("path") else scope["path"],
        raw_path=raw_path,
        scheme=scope.get("scheme", "https"),
        query_string=(scope.get("query_string") or b"").decode("latin-1"),
        headers=headers,
        content=bytes(body),
    )


async def write_response(response: Response, send: SendEvent) -> None:
    """Sends a response as ASGI events."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.chunks is None and "content-length" not in {name.lower() for name in response.headers}:
        headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.chunks is not None:
        async with aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    await send({"type": "http.response.body", "body": response.content, "more_body": False})


async def lifespan(receive: Receive, send: SendEvent) -> None:
    """Answers a server that starts and stops the app."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
