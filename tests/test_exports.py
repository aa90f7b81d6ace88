"""What is public is listed, sorted and there; and what an import loads."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import omnichannel
from omnichannel.registry import ADAPTERS

SOURCE = Path(__file__).resolve().parent.parent / "src"

HEAVY = {
    "alembic",
    "asyncio",
    "cyclopts",
    "httpx",
    "httpcore",
    "inscriptis",
    "pytest",
    "rich",
    "sqlalchemy",
    "trio",
}
"""What `import omnichannel` must not load: a host pays for it at each start, with or without a hub."""

PUBLIC = ("omnichannel", "omnichannel.channel", "omnichannel.sync")


def module_names() -> list[str]:
    found: list[str] = []
    for path in sorted((SOURCE / "omnichannel").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in found if ".migrations" not in name]


def listing(names: list[str]) -> list[str]:
    """Constants, then classes, then the rest: the order of ruff's RUF022."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[:1].isupper() else 2, name))


@pytest.mark.parametrize("name", module_names())
def test_all_is_sorted_and_names_what_is_there(name: str) -> None:
    module = importlib.import_module(name)
    listed: list[str] = list(getattr(module, "__all__", ()))
    assert listed == listing(listed)
    assert len(set(listed)) == len(listed)
    assert [one for one in listed if not hasattr(module, one)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_complete(name: str) -> None:
    module = importlib.import_module(name)
    public = [one for one in dir(module) if not one.startswith("_")]
    assert sorted(one for one in public if not isinstance(getattr(module, one), ModuleType)) == sorted(module.__all__)


def test_type_checkers_see_the_names_that_a_program_gets() -> None:
    """The package says it twice: imports for them, and a table of what is loaded when it is asked for."""
    tree = ast.parse(Path(omnichannel.__file__).read_text("utf-8"))
    (checked,) = [one for one in tree.body if isinstance(one, ast.If)]
    imports = [one for one in checked.body if isinstance(one, ast.ImportFrom)]
    seen = {alias.name: importlib.import_module(str(one.module)) for one in imports for alias in one.names}
    assert sorted(seen) == sorted(omnichannel.__all__)
    assert [name for name, module in seen.items() if getattr(omnichannel, name) is not getattr(module, name)] == []


def test_a_name_that_is_not_there_is_said_as_for_any_module() -> None:
    missing = "Hubb"
    with pytest.raises(AttributeError, match="module 'omnichannel' has no attribute 'Hubb'"):
        getattr(omnichannel, missing)
    with pytest.raises(ImportError, match="cannot import name 'Hubb' from 'omnichannel'"):
        exec(f"from omnichannel import {missing}")  # noqa: S102 - ours


def loaded_by(statement: str) -> set[str]:
    """The modules that a new interpreter has after this statement."""
    code = f"import json, sys; before = set(sys.modules); {statement}; print(json.dumps([*set(sys.modules) - before]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement", ["import omnichannel", "import omnichannel.registry", "import omnichannel.channel"]
)
def test_an_import_loads_no_adapter_and_nothing_heavy(statement: str) -> None:
    loaded = loaded_by(statement)
    assert not {name for name in loaded if name.startswith(("omnichannel.adapters.", "omnichannel.testing"))}
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert "omnichannel.runtime.http" not in loaded


def test_the_face_loads_what_it_needs_itself() -> None:
    """The interface, the rules and pydantic come with the first account, or when the hub opens."""
    loaded = loaded_by("from omnichannel import Handlers, Hub, Turn")
    assert not {name for name in loaded if name.startswith(("omnichannel.channel", "omnichannel.routing"))}
    assert not {"omnichannel.registry", "pydantic"} & loaded


def test_the_pytest_plugin_loads_no_hub_that_is_open_and_no_simulator() -> None:
    loaded = loaded_by("import pytest, sqlite3; before |= set(sys.modules); import omnichannel.testing.pytest_plugin")
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert not {name for name in loaded if name.startswith(("omnichannel.hub.core", "omnichannel.testing.s"))}


def test_a_client_answers_without_a_loop_an_http_client_or_other_adapters(tmp_path: Path) -> None:
    """But for those that the settings name: they say what their settings mean."""
    text = 'schema = 1\n[store]\nurl = "sqlite:///{}"\n[accounts.w]\nchannel = "whatsapp"\nphone_number_id = "1"\n'
    secrets = 'app_secret = "env:A"\ntoken = "env:B"\nverify_token = "env:C"\n'
    (tmp_path / "o.toml").write_text(text.format((tmp_path / "o.db").as_posix()) + secrets, "utf-8")
    calls = "c.desk.list('support'); list(c.events())"
    loaded = loaded_by(
        f"from omnichannel.sync import Client; c = Client.from_toml({str(tmp_path / 'o.toml')!r}); {calls}"
    )
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY - {"sqlalchemy", "alembic", "asyncio"})
    assert not {name for name in loaded if name.startswith(("omnichannel.runtime.http", "omnichannel.hub.core"))}
    assert {name.split(".")[2] for name in loaded if name.startswith("omnichannel.adapters.")} == {"whatsapp"}
    assert not {name for name in loaded if name.startswith(("omnichannel.testing", "anyio._backends"))}


def test_the_settings_are_loaded_without_the_adapters_that_they_do_not_name(tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text('schema = 1\n[accounts.c]\nchannel = "console"\n', "utf-8")
    loaded = loaded_by(f"from omnichannel.config import load; load({str(tmp_path / 'o.toml')!r})")
    assert {name.split(".")[2] for name in loaded if name.startswith("omnichannel.adapters.")} == {"console"}


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_loads_no_other(name: str) -> None:
    loaded = loaded_by(f"from omnichannel.registry import load_channel; load_channel({name!r})")
    others = {one for one in loaded if one.startswith("omnichannel.adapters.")}
    assert {one.split(".")[2] for one in others} == {name}
