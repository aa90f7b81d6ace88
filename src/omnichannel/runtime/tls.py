"""The machine's trust in certificates: read once, and only when a connection needs it, because that takes long."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def system_trust() -> ssl.SSLContext:
    """The default context: certificates of the operating system, host names checked."""
    return ssl.create_default_context()
