"""The pages agree with each other: links lead somewhere, channels have the same headings, every page can be found."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.blocks import PAGES, ROOT, name_of

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
CHANNEL_PAGES = sorted(page for page in (ROOT / "docs" / "channels").glob("*.md") if page.stem != "README")
DECISIONS = ROOT / "docs" / "design" / "decisions"
MORE = [*sorted((ROOT / "examples").rglob("*.md")), ROOT / "changes" / "README.md"]


def prose(page: Path) -> str:
    """A page without its code."""
    return _CODE.sub("", _FENCE.sub("", page.read_text("utf-8")))


def links(page: Path) -> list[str]:
    """Where a page leads."""
    return _LINK.findall(_FENCE.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", [*PAGES, *MORE], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        assert target.exists(), f"{link} is not there"
        assert ROOT in target.parents, f"{link} leads out of the repository"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{link} names no heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / link).resolve() for link in links(page) if not urlsplit(link).scheme]
    lost = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - seen
    assert sorted(map(name_of, lost)) == []


def test_channels_have_the_same_headings() -> None:
    found = {
        page.name: tuple(re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)) for page in CHANNEL_PAGES
    }
    expected = found["x.md"]
    assert len(expected) >= 10
    # The last one names the channel: "Trying it without WhatsApp".
    assert {name: headings[:-1] for name, headings in found.items()} == dict.fromkeys(found, expected[:-1])
    assert all(headings[-1].startswith("Trying it without ") for headings in found.values())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_has_one_title_and_no_heading_is_skipped(page: Path) -> None:
    levels = [len(marks) for marks in re.findall(r"^(#+) ", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_rows_of_a_table_have_as_many_cells(page: Path) -> None:
    text = _CODE.sub("x", _FENCE.sub("", page.read_text("utf-8")))
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        counts = {line.count("|") for line in table.splitlines()}
        assert len(counts) == 1, table
        assert min(counts) >= 3, table


def test_decisions_are_numbered_and_listed() -> None:
    pages = sorted(page for page in DECISIONS.glob("*.md") if page.stem != "README")
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    listed = links(DECISIONS / "README.md")
    assert listed == [page.name for page in pages]
    for page in pages:
        assert page.read_text("utf-8").startswith(f"# {page.name[:4]}: ")


def test_the_echo_of_the_readme_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"```python\n{(ROOT / 'examples' / 'echo_bot.py').read_text('utf-8')}```" in readme


def test_the_picture_has_words() -> None:
    picture = (ROOT / "docs" / "assets" / "move.svg").read_text("utf-8")
    assert "<title" in picture
    assert "<desc" in picture
    assert "prefers-color-scheme: dark" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
