"""Between endpoint ids and URLs. Ids need no escaping, so a path is the id and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote


def tail_of(scope: Mapping[str, Any]) -> str:
    """The path below where the app is mounted, as the platform wrote it (still percent-encoded).

    Newer servers and frameworks keep the mount point in `path`, older ones take it off:
    https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """
    raw = scope.get("raw_path")
    path = raw.decode("latin-1").partition("?")[0] if raw else str(scope["path"])
    cut = _cut(path, str(scope["path"]))
    if cut is not None:
        return cut
    root = str(scope.get("root_path") or "").rstrip("/")
    # Behind a proxy that takes its own prefix off, only what frameworks added to it stands in the path.
    mounted = root.removeprefix(str(scope.get("app_root_path") or "").rstrip("/"))
    for prefix in (root, mounted):
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            path = path[len(prefix) :]
            break
    return path


def _cut(raw: str, path: str) -> str | None:
    """The end of the raw path that `path` means, where a framework has cut the mount point off `path` and nowhere
    else, as Litestar does; None where nothing was cut."""
    if raw == path:
        return None
    below = path.rstrip("/")
    if unquote(raw).rstrip("/") == below:
        return None
    slashes = [at for at, letter in enumerate(raw) if letter == "/"]
    return next((raw[at:] for at in [*slashes, len(raw)] if unquote(raw[at:]).rstrip("/") == below), None)


def endpoint_of(tail: str) -> str:
    """The endpoint id that a path below the mount point begins with; empty for none."""
    return tail[1:].partition("/")[0] if tail.startswith("/") else ""


def path_of(endpoint: str) -> str:
    """The path of an endpoint below the mount point."""
    return f"/{endpoint}"


def url_of(public_url: str, tail: str, query: str = "") -> str:
    """The URL as the platform called it: from the configured public URL, never from a `Host` header, which anybody
    can choose."""
    return f"{public_url.rstrip('/')}{tail}{'?' + query if query else ''}"
