"""The reference pages have every name that the code has, and no other."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from omnichannel.channel import Account, Level, Outcome, PriceFact
from omnichannel.config import models
from omnichannel.model import exceptions
from omnichannel.model.message import AttemptState, DeliveryState, RefusalReason
from omnichannel.model.outcome import level_of
from omnichannel.registry import ADAPTERS, account_type
from omnichannel.routing.rules import Rule, Then, When
from omnichannel.withdrawal.phases import FIELD, PHASES
from tests.docs.blocks import ROOT, name_of
from tools import docs

REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "omnichannel"


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    text = page.read_text("utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{name_of(page)} has no heading {heading!r}"
    return found.group(1)


def first_cells(text: str) -> list[str]:
    """The names in code in the first column of tables."""
    cells = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def in_code(text: str) -> list[str]:
    """Every name in code."""
    return re.findall(r"`([a-z_]+)`", text)


# ---------------------------------------------------------------- settings


def keys(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


SETTINGS: dict[str, set[str]] = {
    "The file": keys(models.Document),
    "store": keys(models.StoreSettings),
    "engine": keys(models.EngineSettings),
    "brands.*": keys(models.BrandSettings),
    "accounts.*": keys(Account) | {"channel", "adapter"},
    "queues.*": keys(models.QueueSettings),
    "rules": keys(Rule),
    "rules.when": keys(When),
    "rules.then": keys(Then),
    "withdrawals": keys(models.WithdrawalSettings),
    "withdrawals.scope": keys(models.ScopeSettings),
    "price_cap": keys(models.PriceCapSettings),
    "quiet_hours": keys(models.QuietHoursSettings),
    "business_hours": keys(models.BusinessHoursSettings),
    "guard": keys(models.GuardSettings),
    "prices": (keys(models.PriceSettings) - {"price"}) | {one.name for one in fields(PriceFact)},
}


@pytest.mark.parametrize("heading", SETTINGS)
def test_every_key_of_the_settings_is_listed(heading: str) -> None:
    listed = first_cells(section(REFERENCE / "configuration.md", heading))
    assert sorted(listed) == sorted(SETTINGS[heading])


def test_every_table_of_the_settings_has_a_section() -> None:
    tables = [one for name, one in vars(models).items() if name.endswith("Settings") and issubclass(one, BaseModel)]
    described = list(SETTINGS.values())
    for table in tables:
        if table not in (models.Settings, models.PriceSettings):
            assert keys(table) in described, table.__name__


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - {"console"}))
def test_every_setting_of_an_account_is_on_its_page(name: str) -> None:
    own = set(account_type(name).model_fields) - set(Account.model_fields)
    page = next(
        path
        for path in (docs.CHANNELS.parent / f"{one}.md" for one in (name, ADAPTERS[name].channel))
        if path.is_file()
    )
    setup = page.read_text("utf-8")
    missing = [key for key in sorted(own) if key != "base_url" and not re.search(rf"\b{key}\b", setup)]
    assert missing == []


# ---------------------------------------------------------------- errors


def test_every_exception_is_listed_with_its_bases() -> None:
    ours = {
        name: cls
        for name, cls in vars(exceptions).items()
        if inspect.isclass(cls) and issubclass(cls, exceptions.OmnichannelError)
    }
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section(REFERENCE / "errors.md", "Exceptions"), re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", bases) for name, bases in rows} == {
        name: [base.__name__ for base in cls.__bases__] for name, cls in ours.items()
    }


def test_every_outcome_has_its_level() -> None:
    text = section(REFERENCE / "errors.md", "Outcomes")
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", text, re.MULTILINE))
    assert rows == {str(one): str(level_of(one)) for one in Outcome}
    levels = text[text.index("The levels") :]
    assert in_code(levels) == [str(one) for one in Level]


def test_outcomes_are_explained() -> None:
    page = ROOT / "docs" / "concepts" / "outcomes.md"
    listed = re.findall(r"^\| `(\w+)` \|", page.read_text("utf-8"), re.MULTILINE)
    assert listed == [str(one) for one in Outcome]


def test_reasons_and_states_are_listed() -> None:
    page = REFERENCE / "errors.md"
    assert in_code(section(page, "Reasons")) == list(get_args(RefusalReason))
    delivery, attempt = section(page, "States").strip().split("\n\n")
    assert in_code(delivery) == list(get_args(DeliveryState))
    assert in_code(attempt) == list(get_args(AttemptState))


def test_reasons_are_explained() -> None:
    listed = first_cells(section(ROOT / "docs" / "concepts" / "routing.md", "Reasons"))
    assert sorted(listed) == sorted(get_args(RefusalReason))


def test_phases_are_explained() -> None:
    page = (ROOT / "docs" / "concepts" / "withdrawal.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [(phase, FIELD[phase]) for phase in PHASES]


# ---------------------------------------------------------------- events

EVENT = re.compile(
    r"(account|channel|consent|conversation|customer|delivery|event|message|operator|reaction|withdrawal|sla)\.[a-z_]+"
)


def event_types() -> Iterator[str]:
    """The texts in the code that are event types: whatever writes them, by whatever way."""
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] in ("demo", "testing", "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and EVENT.fullmatch(node.value):
                yield node.value


def test_every_event_type_is_listed() -> None:
    text = (REFERENCE / "events.md").read_text("utf-8")
    listed = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(set(event_types()))
    assert len(listed) == len(set(listed))


# ---------------------------------------------------------------- generated


def test_generated_pages_are_up_to_date() -> None:
    assert [path.relative_to(ROOT).as_posix() for path in docs.outdated()] == []


def test_a_change_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text(docs.CHANNELS.read_text("utf-8").replace("| whatsapp |", "| whatsup |"), "utf-8")
    monkeypatch.setattr(docs, "GENERATED", {page: docs.channels})
    assert docs.outdated() == [page]


def test_the_index_for_machines_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", docs.LLMS.read_text("utf-8")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - listed == {path for path in pages if path.startswith("design/decisions/")}
