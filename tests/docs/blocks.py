"""The code blocks of the documentation, and how they are run.

- ```python runs, top-level `await` too, with the names of the page's earlier blocks. A block that begins with a
  comment `# name.py` is a file of that name beside the page; `# test_name.py` has its tests run as well.
- ```toml that begins with `# name.toml` is such a file. The others of a page are read together, as one settings file.
- ```text after `<!-- prints -->` is what the last Python block has printed; a line `...` stands for any lines,
  and `…` for any characters of a line.
- ```sh has its `omnichannel` commands parsed, not run.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

from omnichannel.testing import World

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PRINTS = "<!-- prints -->"

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>[a-z]*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# ([a-z0-9_]+\.(?:py|toml))\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, where it begins, and the line of text before it."""

    kind: str
    body: str
    line: int
    before: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, if it says so."""
        match = _FILE.match(self.body)
        return match.group(1) if match else None


def name_of(page: Path) -> str:
    """A page as a test names it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        body = re.sub(f"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        yield Block(match["kind"], body, text.count("\n", 0, match.start()) + 1, before)


@dataclass(slots=True)
class Runner:
    """Runs the blocks of one page in a folder of its own, which is the current one."""

    page: Path
    folder: Path
    names: dict[str, Any] = field(default_factory=dict[str, Any])
    modules: list[str] = field(default_factory=list[str])
    printed: str = ""

    async def run(self) -> None:
        """Runs them all. Raises what a block raises, and `AssertionError` for a wrong output."""
        self.names["__name__"] = "__docs__"
        for block in blocks(self.page):
            if block.file is not None:
                (self.folder / block.file).write_text(block.body, "utf-8")
            if block.kind == "python":
                await self._python(block)
            elif block.before == PRINTS:
                assert _agrees(block.body, self.printed), f"line {block.line}: it prints\n{self.printed}"

    async def _python(self, block: Block) -> None:
        out = StringIO()
        with redirect_stdout(out):
            if block.file is not None:
                await self._module(block.file.removesuffix(".py"))
            else:
                await self._inline(block)
        self.printed = out.getvalue()

    async def _inline(self, block: Block) -> None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        where = f"{name_of(self.page)}:{block.line}"
        code = cast(CodeType, compile("\n" * block.line + block.body, where, "exec", flags=flags))
        result: object = eval(code, self.names)  # noqa: S307 - our own documentation
        if inspect.isawaitable(result):
            await cast(Awaitable[object], result)

    async def _module(self, name: str) -> None:
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        self.modules.append(name)
        self.names |= {key: value for key, value in vars(module).items() if not key.startswith("__")}
        if name.startswith("test_"):
            await _run_tests(module)

    def forget(self) -> None:
        """Takes the page's modules away again."""
        for name in self.modules:
            sys.modules.pop(name, None)


def _agrees(shown: str, printed: str) -> bool:
    """Whether a text block shows what was printed."""
    lines = ["(?:.*\\n)*" if line == "..." else _pattern(line) for line in shown.strip().splitlines()]
    return re.fullmatch("".join(lines), printed.strip() + "\n") is not None


def _pattern(line: str) -> str:
    return ".*".join(re.escape(piece) for piece in line.split("…")) + "\\n"


async def _run_tests(module: ModuleType) -> None:
    tests: Mapping[str, Callable[..., Any]] = {k: v for k, v in vars(module).items() if k.startswith("test_")}
    assert tests, f"{module.__name__} has no tests"
    for test in tests.values():
        world = {"world": World(seed=7)} if "world" in inspect.signature(test).parameters else {}
        result: object = test(**world)
        if inspect.isawaitable(result):
            await cast(Awaitable[object], result)
