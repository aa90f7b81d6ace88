"""The command line: `omnichannel channels`, `worker`, `db`, `demo`, `simulate`, `doctor`. Each command is a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from omnichannel.model.exceptions import OmnichannelError

__all__ = ["main"]

EXTRAS = {
    "aiosmtpd": "testing",
    "charset_normalizer": "email",
    "cyclopts": "cli",
    "inscriptis": "email",
    "psycopg": "postgres",
    "pymap": "testing",
    "respx": "testing",
    "rich": "cli",
    "trustme": "testing",
    "uvicorn": "serve",
}
"""Which extra brings a module that a command may miss."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command; `argv` without the program's name. Exits with 0, 1 where something was found wrong, or 2 where
    the command cannot run: a mistake is one line, without a traceback."""
    try:
        from omnichannel.cli.app import app

        code: object = app(None if argv is None else list(argv))
    except ModuleNotFoundError as error:
        code = _failed(missing(error))
    except OmnichannelError as error:
        code = _failed(str(error))
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code if isinstance(code, int) else 0)


def missing(error: ModuleNotFoundError) -> str:
    """What to do about a module that is not installed. Raises the error again where nothing is known to help."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        raise error
    return f"this command needs {name}: pip install 'omnichannel[{EXTRAS[name]}]'"


def _failed(text: str) -> int:
    print(f"omnichannel: {text}", file=sys.stderr)
    return 2
