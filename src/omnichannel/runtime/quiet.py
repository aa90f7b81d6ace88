"""Keeps what the HTTP client logs of our requests out: it prints URLs and headers, and secrets stand in both."""

from __future__ import annotations

import logging
from contextvars import ContextVar

quiet: ContextVar[bool] = ContextVar("omnichannel_http", default=False)
"""Set while a request of ours is under way; what others send through the same client is logged as ever."""


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not quiet.get()


_QUIET = _Quiet()
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_QUIET)
