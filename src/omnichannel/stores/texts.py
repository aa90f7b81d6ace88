"""NUL in texts on PostgreSQL, which cannot store it: U+FFFD stands in its place.

What a customer wrote is not lost by that, for the journal keeps the bytes as they came; and no NUL stops the rows
behind it. Loaded where there is a PostgreSQL alone.
https://www.postgresql.org/docs/current/datatype-character.html
"""

from __future__ import annotations

from typing import Any

from psycopg.types.string import StrDumperUnknown

NUL = "\0"
INSTEAD = "\ufffd"


class WithoutNul(StrDumperUnknown):
    """How a text goes to the server. In every text alike, so that what was written under a name is found under it."""

    def dump(self, obj: str) -> Any:
        """The text in the connection's encoding."""
        return super().dump(obj.replace(NUL, INSTEAD) if NUL in obj else obj)
