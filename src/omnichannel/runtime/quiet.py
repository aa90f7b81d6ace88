"""Keeps secrets and customers' words out of logs.

What the HTTP client logs of our requests prints URLs and headers, and secrets stand in both; what is raised over a
customer's message may quote it.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from traceback import extract_tb

quiet: ContextVar[bool] = ContextVar("omnichannel_http", default=False)
"""Set while a request of ours is under way; what others send through the same client is logged as ever."""


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not quiet.get()


_QUIET = _Quiet()
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_QUIET)


def where_raised(error: BaseException) -> str:
    """What was raised and where, without its text."""
    frames = extract_tb(error.__traceback__)
    kind = type(error).__name__
    return f"{kind} at {frames[-1].filename}:{frames[-1].lineno}" if frames else kind
