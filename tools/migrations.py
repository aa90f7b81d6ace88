"""Writes the first migrations from the schema: `python tools/migrations.py`, after every change of a table.

Only until the first release. From then on they are frozen, and a change of the schema is a migration of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import BigInteger, Table, create_engine

from omnichannel.stores.schema import PREFIX, metadata
from omnichannel.stores.types import Instant, Json, Money, Span
from omnichannel.stores.views import VIEWS

VERSIONS = Path(__file__).parent.parent / "src" / "omnichannel" / "stores" / "migrations" / "versions"
PARTS = {
    "0001_customers": (
        "Who we are and whom we know",
        "brands endpoints accounts tokens cursors leases customers addresses aliases contacts consents merges",
    ),
    "0002_conversations": ("What is said", "conversations participants messages media blobs"),
    "0003_inbound": ("What comes in, before it is handled", "journal events responses answerable unmatched"),
    "0004_outbound": ("What goes out", "deliveries decisions steps parts attempts receipts"),
    "0005_withdrawal": (
        "Channels that close, and how conversations go on elsewhere",
        "withdrawals withdrawal_history notices references reference_tries reply_tokens codes moves evidence health",
    ),
    "0006_time": ("Streams, timers and the event log; the views that hosts read", "stream_items timers log meta"),
}
HEAD = """\"\"\"{what}.\"\"\"

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}

{seq}{views}

def upgrade() -> None:
    \"\"\"Creates the tables{and_views}.\"\"\"
{body}
"""
SEQ = '_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")\n'


def plain_type(kind: str, item: Any, context: AutogenContext) -> str | bool:
    """Migrations know nothing of our types: what they are in the database is frozen."""
    if kind != "type":
        return False
    if isinstance(item, Instant | Span):
        return "sa.BigInteger()"
    if isinstance(item, Json):
        return "sa.Text()"
    if isinstance(item, Money):
        return "sa.String()"
    return "_SEQ" if isinstance(item, BigInteger) and item._variant_mapping else False


def tables(part: str) -> list[Table]:
    """The tables of a part; the last one takes those that none names."""
    named = {name: one for one, (_, names) in PARTS.items() for name in names.split()}
    found = {table.name.removeprefix(PREFIX): table for table in metadata.tables.values()}
    own = [found[name] for name in PARTS[part][1].split()]
    return own + [table for name, table in found.items() if name not in named and part == list(PARTS)[-1]]


def body(part: str, context: AutogenContext) -> str:
    """The operations of a part."""
    lines: list[str] = []
    for table in tables(part):
        lines += render.render_op(context, ops.CreateTableOp.from_table(table))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            lines += render.render_op(context, ops.CreateIndexOp.from_index(index))
    if part == list(PARTS)[-1]:
        lines += ["for name, query in VIEWS.items():", '    op.execute(f"CREATE VIEW {name} AS {query}")']
    code = re.sub(r"op\.f\(('[^']*')\)", r"\1", "\n".join(lines))
    return "\n".join("    " + line for line in code.split("\n"))


def main() -> None:
    """Writes all parts anew."""
    with create_engine("sqlite://").connect() as connection:
        options = {"render_item": plain_type, "sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op."}
        migration = MigrationContext.configure(connection, opts=options | {"user_module_prefix": None})
        context = AutogenContext(migration, metadata)
        before: str | None = None
        for part, (what, _) in PARTS.items():
            revision, code, last = part.partition("_")[0], body(part, context), part == list(PARTS)[-1]
            views = "".join(f'    "{name}": """{query}""",\n' for name, query in VIEWS.items())
            text = HEAD.format(
                what=what,
                revision=revision,
                before=before,
                seq=SEQ if "_SEQ" in code else "",
                views=f"\nVIEWS = {{\n{views}}}\n" if last else "",
                and_views=" and the views" if last else "",
                body=code,
            )
            (VERSIONS / f"{part}.py").write_text(text)
            before = revision
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", VERSIONS], check=True)


if __name__ == "__main__":
    main()
