"""The shape that the engineering guide asks for: sizes, names, and what belongs to an adapter."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnichannel.registry import ADAPTERS, load_channel
from omnichannel.testing.fixtures import cases

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "omnichannel"
MODULES = sorted(SOURCE.rglob("*.py"))
MODULE_LINES = 400
FUNCTION_LINES = 50
BASE_LINES = 300
LOGIC_LINES = 600

TABLES = {"stores/schema.py"}
"""Modules that are data from top to bottom: their length is that of what they describe."""

LARGER = {"x": 668}
"""Adapters over the cap, and how far: why is in docs/design/adapter-sizes.md. The number never rises."""

DATA = {"__init__", "account", "errors", "surfaces", "wire"}
FIVE = ("channel", "parse", "render", "wire", "errors")
OWNED = {"console"}
"""Channels of our own, which nobody refuses anything on: their error table is empty."""


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_named_in_lower_case_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.fullmatch(r"[a-z0-9_]+", path.stem), "a module's name is lower snake case"
    assert name_of(path) in TABLES or text.count("\n") <= MODULE_LINES, f"over {MODULE_LINES} lines: split it"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    long = [f"{name} has {size} lines" for name, size in functions(tree) if size > FUNCTION_LINES]
    if "migrations/versions" not in name_of(path):
        assert not long, f"over {FUNCTION_LINES} lines: {long}"


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_channel_interface_stays_small() -> None:
    assert (SOURCE / "channel" / "base.py").read_text("utf-8").count("\n") <= BASE_LINES


LATE = ("adapters", "channel", "kit", "model", "routing", "withdrawal")
"""Packages that are loaded while a program starts."""


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path).startswith(LATE)], ids=name_of)
def test_what_is_made_when_it_is_needed_says_so(path: Path) -> None:
    """docs/design/decisions/0014-made-when-needed.md"""
    built = re.search(r"^\w.* = TypeAdapter\(", path.read_text("utf-8"), re.MULTILINE)
    assert not built or path.name == "rules.py", "a validator is built by `late.adapter` when it is first used"


# ---------------------------------------------------------------- adapters


def adapter_folders() -> list[str]:
    return sorted(path.name for path in (SOURCE / "adapters").iterdir() if (path / "__init__.py").is_file())


def test_every_adapter_is_registered_and_every_registered_one_is_there() -> None:
    assert adapter_folders() == sorted(ADAPTERS)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_has_its_modules_and_its_names(name: str) -> None:
    folder, channel = SOURCE / "adapters" / name, load_channel(name)
    assert [one for one in FIVE if not (folder / f"{one}.py").is_file()] == []
    squeezed = name.replace("_", "")
    assert channel.__name__.lower() == f"{squeezed}channel"
    assert channel.account_type.__name__.lower() == f"{squeezed}account"
    assert (channel.adapter, channel.channel) == (name, ADAPTERS[name].channel)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_has_tests_with_recorded_cases(name: str) -> None:
    folder = ROOT / "tests" / "adapters" / name
    suites = [path.read_text("utf-8") for path in folder.glob("test_*.py")]
    assert any("(ChannelContract)" in suite for suite in suites), "no subclass of ChannelContract"
    kinds = ("inbound", "outbound") if name in OWNED else ("inbound", "outbound", "errors")
    for kind in kinds:
        found = list(cases(folder / "fixtures" / kind))
        assert found, f"no cases in fixtures/{kind}"
        assert [one.name for one in found if not one.data.get("source")] == [], "a case says where it is documented"


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - OWNED))
def test_an_adapter_has_a_page(name: str) -> None:
    pages = [ROOT / "docs" / "channels" / f"{one}.md" for one in (name, ADAPTERS[name].channel)]
    assert any(page.is_file() for page in pages), f"no {pages[0].relative_to(ROOT)}"


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapters_logic_stays_small(name: str) -> None:
    modules = [path for path in (SOURCE / "adapters" / name).glob("*.py") if path.stem not in DATA]
    size = sum(logic_lines(path.read_text("utf-8")) for path in modules)
    assert size <= LARGER.get(name, LOGIC_LINES), f"{size} lines of logic: look for what belongs into kit"


def test_only_what_is_larger_is_listed_as_larger() -> None:
    assert set(LARGER) <= set(ADAPTERS)
    assert all(limit > LOGIC_LINES for limit in LARGER.values())


def logic_lines(text: str) -> int:
    """Lines that do something: without blank lines, comments, docstrings and imports."""
    passive: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and (isinstance(node, ast.Import | ast.ImportFrom) or is_bare_text(node)):
            passive.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    spoken: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            spoken.update(range(token.start[0], token.end[0] + 1))
    return len(spoken - passive)


def is_bare_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_logic_is_counted_without_what_is_said_about_it() -> None:
    said = '"""A docstring\nof two lines."""\n\nimport os\n\n# why\n'
    text = said + 'X = (\n    1,\n)\n\n\ndef f():\n    """What."""\n    return os\n'
    assert logic_lines(text) == 5
