"""The fixture format: what a case may say, and how a difference is told."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omnichannel.channel.wire import (
    Append,
    Appended,
    Form,
    HttpRequest,
    HttpResponse,
    Multipart,
    RawBody,
    SmtpMessage,
    SmtpReply,
)
from omnichannel.model.content import Location, Text
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.testing.fixtures import (
    RECEIVED_AT,
    Case,
    answer_of,
    cases,
    content_of,
    differences,
    envelope_of,
    facts_of,
    part_of,
    request_facts,
)
from omnichannel.testing.flows import drive
from omnichannel.testing.mutations import mutate


@pytest.mark.parametrize(
    ("data", "content"),
    [
        ({"json": {"a": "é"}}, '{"a": "é"}'.encode()),
        ({"json": None}, b"null"),
        ({"body": [1]}, b"[1]"),
        ({"content": "as it is"}, b"as it is"),
        ({"text": "hello"}, b"hello"),
        ({"base64": "AAEC"}, b"\x00\x01\x02"),
        ({"form": {"to": "+33", "media": ["a", "b"]}}, b"to=%2B33&media=a&media=b"),
        ({"form": [["a", "1"], ["a", "2"]]}, b"a=1&a=2"),
        ({"form": "nothing"}, b""),
        ({}, b""),
    ],
)
def test_content_is_given_in_many_ways(data: dict[str, Any], content: bytes) -> None:
    assert content_of(data, Path()) == content


def test_content_may_stand_in_a_file_beside_the_case(tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(b"Subject: hi\r\n\r\n\xff")
    assert content_of({"file": "mail.eml"}, tmp_path) == b"Subject: hi\r\n\r\n\xff"


def test_a_file_holds_one_case_or_several(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"n": 1}', "utf-8")
    (tmp_path / "b.json").write_text('[{"n": 2}, {"n": 3, "name": "third"}]', "utf-8")
    (tmp_path / "c.json").write_text('{"source": "s", "cases": [{"n": 4}, {"n": 5, "source": "t"}]}', "utf-8")
    found = list(cases(tmp_path))
    assert [(one.name, one.data["n"], one.data.get("source")) for one in found] == [
        ("a.json", 1, None),
        ("b.json[0]", 2, None),
        ("b.json[third]", 3, None),
        ("c.json[0]", 4, "s"),
        ("c.json[1]", 5, "t"),
    ]
    assert list(cases(tmp_path / "nowhere")) == []
    (tmp_path / "d.json").write_text('"no"', "utf-8")
    with pytest.raises(ValueError, match=r"d\.json: expected a case"):
        list(cases(tmp_path))


def case(**data: Any) -> Case:
    return Case("case", Path(), data)


def test_an_envelope_has_its_headers_in_lower_case() -> None:
    given = {"headers": {"X-Sig": "a"}, "query": {"n": 1}, "text": "x", "method": "GET", "url": "/w", "source": "poll"}
    found = envelope_of(case(envelope=given))
    assert (found.source, found.method, found.url) == ("poll", "GET", "/w")
    assert (dict(found.headers), dict(found.query), found.content) == ({"x-sig": "a"}, {"n": "1"}, b"x")
    assert found.received_at == RECEIVED_AT
    at = envelope_of(case(envelope={"received_at": "2027-02-01T10:00:00+01:00"})).received_at
    assert at == datetime(2027, 2, 1, 9, tzinfo=UTC)


def test_a_part_has_text_or_content() -> None:
    assert part_of(case(part={"to": "7", "text": "hi"})).content == Text("hi")
    assert part_of(case(part={"to": "7", "content": "hi"})).content == Text("hi")
    place = {"type_": "location", "latitude": 1, "longitude": 2}
    found = part_of(case(part={"key": "k", "to": "7", "surface": "mention", "content": place}))
    assert (found.key, found.surface, found.content) == ("k", "mention", Location(latitude=1.0, longitude=2.0))
    assert (part_of(case()).key, part_of(case()).to) == ("part-1", "")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ({"status": 204}, HttpResponse(204)),
        ({"headers": {"Retry-After": 3}, "text": "x"}, HttpResponse(200, {"retry-after": "3"}, b"x")),
        ([1], HttpResponse(200, {"content-type": "application/json"}, b"[1]")),
        ({"seq": 4}, Appended(4)),
        ({"code": 250, "text": "ok"}, SmtpReply(250, None, "ok")),
        (
            {"smtp": {"code": 550, "enhanced": "5.1.1", "refused": {"a@x.example": [550, "no"]}}},
            SmtpReply(550, "5.1.1", "", {"a@x.example": (550, "no")}),
        ),
    ],
)
def test_an_answer_is_http_or_mail_or_an_append(data: object, answer: object) -> None:
    assert answer_of(data, Path()) == answer


def test_facts_count_seconds() -> None:
    assert facts_of({"code": "1", "retry_after": 30}).retry_after == timedelta(seconds=30)
    assert facts_of({"status": 500, "retry_after": None}).retry_after is None


@dataclass(frozen=True)
class Thing:
    name: str = "a"
    at: datetime = RECEIVED_AT
    wait: timedelta = timedelta(minutes=1)
    tags: frozenset[str] = frozenset({"x", "y"})
    pairs: tuple[tuple[str, str], ...] = (("k", "v"),)
    flag: bool = True
    level: Level = Level.ADDRESS


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"name": "a", "flag": True, "level": "address"}, []),
        ({"at": "2027-01-04T10:00:00+01:00"}, []),
        ({"at": "no time"}, ["at: expected 'no time', found '2027-01-04T09:00:00Z'"]),
        ({"wait": 60}, []),
        ({"wait": "PT1M"}, []),
        ({"wait": 61}, ["wait: expected 61, found 'PT1M'"]),
        ({"tags": ["y", "x"]}, []),
        ({"tags": ["z"]}, ["tags: expected ['z'], found ['x', 'y']"]),
        ({"pairs": [["k", "v"]]}, []),
        ({"pairs": {"k": "v"}}, []),
        ({"pairs": {"k": "w", "j": "v"}}, ["pairs.k: expected 'w', found 'v'", "pairs.j: missing in {'k': 'v'}"]),
        ({"pairs": []}, ["pairs: expected 0 items, found 1: [['k', 'v']]"]),
        ({"flag": 1}, ["flag: expected 1, found True"]),
        ({"nam": "a"}, ["nam: missing in "]),
    ],
)
def test_a_difference_is_told_with_its_place(expected: dict[str, Any], told: list[str]) -> None:
    found = differences(expected, Thing())
    if "tags" in expected and told:
        found = [found[0].replace("['y', 'x']", "['x', 'y']")]
    assert len(found) == len(told)
    for one, start in zip(found, told, strict=True):
        assert one.startswith(start)


def test_a_requests_body_is_named_by_its_kind() -> None:
    form = HttpRequest(method="POST", url="u", body=Form((("a", "1"),)))
    assert differences({"form": {"a": "1"}}, request_facts(form)) == []
    assert differences({"form": [["a", "1"]]}, request_facts(form)) == []
    raw = HttpRequest(method="POST", url="u", body=RawBody(content=b"<Say/>", media_type="text/xml"))
    assert differences({"body": "<Say/>"}, request_facts(raw)) == []
    parts = HttpRequest(method="POST", url="u", body=Multipart(fields=(("a", "1"),)))
    assert differences({"multipart": {"fields": {"a": "1"}, "files": []}}, request_facts(parts)) == []
    mail = SmtpMessage(sender="a", recipients=("b",), headers=(("Subject", "hi"),), text="t")
    assert differences({"sender": "a", "headers": {"Subject": "hi"}}, request_facts(mail)) == []


def test_a_refusal_can_be_thrown_into_a_flow() -> None:
    def flow() -> Any:
        yield Append(stream="s", body=None)
        return "done"

    refusal = Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT)
    assert drive(flow(), [refusal]) == ([Append(stream="s", body=None)], refusal)
    assert drive(flow(), [Appended(1)])[1] == "done"


def test_damage_is_drawn_from_the_seed_and_never_the_same_twice() -> None:
    content = json.dumps({"entry": [{"id": "1", "changes": [{"value": {"messages": [{"text": "hi"}]}}]}]}).encode()

    def damaged(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [mutate(content, chance) for _ in range(200)]

    assert damaged(1) == damaged(1)
    assert damaged(1) != damaged(2)
    assert len(set(damaged(1))) > 100
    assert content not in damaged(1)[:5]
    chance = random.Random(1)
    assert all(isinstance(mutate(b"", chance), bytes) for _ in range(50))
    assert all(isinstance(mutate(b"[]", chance), bytes) for _ in range(50))
