"""Every code block in the README and the documentation runs, on both event loops."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.channel import XChannel
from omnichannel.cli.app import app
from omnichannel.config import load
from tests.docs.blocks import PAGES, PRINTS, Runner, blocks, name_of

KINDS = {"python", "toml", "text", "sh", "json"}


def with_a(kind: str) -> list[Path]:
    return [page for page in PAGES if any(block.kind == kind for block in blocks(page))]


def prelude(page: Path) -> dict[str, Any]:
    """What a page takes for granted."""
    if name_of(page) != "docs/channels/x.md":
        return {}
    channel = XChannel(XAccount.model_validate({"id": "x-main", "consumer_secret": "s", "token": "t"}))
    return {"channel": channel, "user_id": "1", "hook_id": "2"}


def beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder the current one, with its modules."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


@pytest.mark.parametrize("page", with_a("python"), ids=name_of)
async def test_python_runs_and_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(tmp_path, monkeypatch)
    runner = Runner(page, tmp_path, prelude(page))
    try:
        await runner.run()
    finally:
        runner.forget()


@pytest.mark.parametrize("page", with_a("toml"), ids=name_of)
def test_settings_load(page: Path, tmp_path: Path) -> None:
    whole = {block.file: block.body for block in blocks(page) if block.kind == "toml" and block.file}
    for name, body in whole.items():
        (tmp_path / name).write_text(body, "utf-8")
        assert tomllib.loads(body) if name == "pyproject.toml" else load(tmp_path / name).accounts
    rest = [block.body for block in blocks(page) if block.kind == "toml" and not block.file]
    if rest:
        text = "\n".join(rest)
        head = "" if re.search(r"^schema = 1$", text, re.MULTILINE) else "schema = 1\n"
        (tmp_path / "rest.toml").write_text(head + text, "utf-8")
        load(tmp_path / "rest.toml")


@pytest.mark.parametrize("page", with_a("sh"), ids=name_of)
def test_commands_exist(page: Path) -> None:
    lines = [line for block in blocks(page) if block.kind == "sh" for line in block.body.splitlines()]
    for line in lines:
        words = shlex.split(line.removeprefix("$ "), comments=True)
        words = [word for word in words if word != "&"]
        if words[:1] == ["omnichannel"]:
            app.parse_args(words[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_says_what_it_is(page: Path) -> None:
    for block in blocks(page):
        assert block.kind in KINDS, f"line {block.line}: {block.kind or 'no language'}"
        assert block.kind == "text" or block.before != PRINTS, f"line {block.line}: only text is compared"


# ---------------------------------------------------------------- the runner itself


async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> dict[str, Any]:
    beside(tmp_path, monkeypatch)
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    runner = Runner(page, tmp_path)
    try:
        await runner.run()
    finally:
        runner.forget()
    return runner.names


async def test_a_wrong_output_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="it prints\n2"):
        await run(tmp_path, monkeypatch, f"```python\nprint(2)\n```\n\n{PRINTS}\n```text\n3\n```\n")


async def test_names_and_files_are_shared_and_tests_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "```python\nimport anyio\nawait anyio.lowlevel.checkpoint()\na = 1\n```\n"
        "```python\n# shown_beside.py\nb = 2\n```\n"
        "```python\nfrom shown_beside import b as c\nd = a + c\n```\n"
    )
    names = await run(tmp_path, monkeypatch, text)
    assert (names["b"], names["d"]) == (2, 3)
    failing = "```python\n# test_shown_beside.py\nasync def test_it() -> None:\n    assert 1 == 2\n```\n"
    with pytest.raises(AssertionError):
        await run(tmp_path, monkeypatch, failing)
