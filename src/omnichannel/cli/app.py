"""The table of commands. A command's module is imported when it is called, or asked for help."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from cyclopts import App


def _version() -> str:
    try:
        return version("omnichannel")
    except PackageNotFoundError:
        return "unknown"


app = App(
    name="omnichannel",
    help="Talk with your customers on every messaging platform, and move them when a platform closes.",
    version=_version,
    result_action="return_value",
)
for name, words in {
    "channels": "List the adapters that are installed, ours and others'.",
    "demo": "Run the demonstration on simulated platforms.",
    "doctor": "Check a settings file: keys, secrets, and the known ends of APIs.",
    "simulate": "Serve a simulated platform on 127.0.0.1.",
    "worker": "Run the workers of a hub until they are told to stop.",
}.items():
    app.command(f"omnichannel.cli.{name}:{name}", name=name, help=words)

db = App(name="db", help="Upgrade or check the store's schema.")
db.command("omnichannel.cli.db:upgrade", name="upgrade", help="Bring the schema to this version.")
db.command("omnichannel.cli.db:check", name="check", help="Say whether the schema is at this version.")
app.command(db)
