"""Recorded payloads beside what they mean, as JSON files; `ChannelContract` replays them.

A file holds one case, a list of cases, or `{"cases": [...]}`. `source` says where its payload is documented.

- `inbound/`: `envelope` and `events`. The envelope has `source`, `method`, `url`, `query`, `headers`, `received_at`,
  and its content as `json` (any value), `text`, `base64`, `form` (names to values) or `file` (a name beside the case).
  `events` are the events in order; a case names the fields that it is about, `kind` among them, others are free.
- `outbound/`: `part` (with `content`, or `text` for a plain one), `exchange`, and `receipt` or `failure`. Each item of
  the exchange has the `request` that is expected (of an HTTP request `method`, `url`, `query`, `headers`, `body`,
  `form`, `multipart`, `repeat`; of others their own fields) and its `answer` (below). `call` is another method than
  `send`, `args` what it takes before the part, `options` what it takes by name.
- `errors/`: `answer` and the `failure` that it means, or null. An answer has `status`, `headers` and `json`, `text` or
  `base64`; `{"smtp": {"code": 550, "enhanced": "5.1.1", "text": "..."}}` is a mail server's, `{"seq": 1}` an append's.
  `facts` in the place of `answer` are those of a failure that a webhook reports.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeGuard, cast
from urllib.parse import urlencode

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from omnichannel.channel.errors import ErrorFacts
from omnichannel.channel.wire import Appended, Envelope, Form, HttpResponse, Multipart, RawBody, SmtpReply, WireAnswer
from omnichannel.model.message import Part

RECEIVED_AT = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
_PART: TypeAdapter[Part] = TypeAdapter(Part)
_MISSING = object()
_FACTS: TypeAdapter[ErrorFacts] = TypeAdapter(ErrorFacts)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a fixture file. `name` says which, for messages."""

    name: str
    folder: Path
    data: Mapping[str, Any]


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list, or a tuple that stands for one."""
    return isinstance(value, list | tuple)


def cases(folder: Path) -> Iterator[Case]:
    """All cases in the JSON files of a folder, in the order of their names; none where there is no folder."""
    for path in sorted(folder.glob("*.json")):
        loaded: object = json.loads(path.read_text("utf-8"))
        shared = {key: value for key, value in loaded.items() if key != "cases"} if is_object(loaded) else {}
        many = loaded.get("cases", [loaded]) if is_object(loaded) else loaded
        if not is_list(many):
            raise ValueError(f"{path}: expected a case, a list of cases, or an object with `cases`")
        for index, one in enumerate(many):
            name = path.name if len(many) == 1 else f"{path.name}[{one.get('name', index)}]"
            yield Case(name, path.parent, {**shared, **one})


def first_of(data: Mapping[str, Any], *names: str) -> Any:
    """The value of the first of these names that is there, or None."""
    return next((data[name] for name in names if name in data), None)


def content_of(data: Mapping[str, Any], folder: Path) -> bytes:
    """The bytes that a case describes."""
    if "base64" in data:
        return base64.b64decode(str(data["base64"]))
    if "file" in data:
        return (folder / str(data["file"])).read_bytes()
    if "form" in data:
        return urlencode(_pairs(data["form"]), doseq=True).encode()
    if "text" in data:
        return str(data["text"]).encode()
    body = first_of(data, "json", "body", "content", "payload")
    if body is None and "json" not in data:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()


def _pairs(form: object) -> list[tuple[str, Any]]:
    if is_object(form):
        return list(form.items())
    return [(str(one[0]), one[1]) for one in form] if is_list(form) else []


def envelope_of(case: Case) -> Envelope:
    """The envelope of an inbound case."""
    data = cast(Mapping[str, Any], case.data["envelope"])
    given = data.get("received_at")
    return Envelope(
        source=data.get("source", "webhook"),
        method=data.get("method", "POST"),
        url=data.get("url", ""),
        query={str(k): str(v) for k, v in data.get("query", {}).items()},
        headers={str(k).lower(): str(v) for k, v in data.get("headers", {}).items()},
        content=content_of(data, case.folder),
        received_at=datetime.fromisoformat(given) if given else RECEIVED_AT,
    )


def part_of(case: Case) -> Part:
    """The part of an outbound case."""
    data = dict(cast(Mapping[str, Any], case.data.get("part", {})))
    text = data.pop("text", "")
    data.setdefault("content", text)
    if isinstance(data["content"], str):
        data["content"] = {"type_": "text", "text": data["content"]}
    return _PART.validate_python({"key": "part-1", "to": "", **data})


def answer_of(answer: object, folder: Path) -> WireAnswer:
    """The answer that a case describes."""
    if not is_object(answer):
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(answer).encode())
    smtp = answer.get("smtp", answer if "code" in answer and "status" not in answer else None)
    if smtp is not None:
        refused = {str(k): (int(v[0]), str(v[1])) for k, v in smtp.get("refused", {}).items()}
        return SmtpReply(int(smtp["code"]), smtp.get("enhanced"), str(smtp.get("text", "")), refused)
    if "seq" in answer:
        return Appended(int(answer["seq"]))
    headers = {str(k).lower(): str(v) for k, v in answer.get("headers", {}).items()}
    return HttpResponse(int(answer.get("status", 200)), headers, content_of(answer, folder))


def facts_of(data: Mapping[str, Any]) -> ErrorFacts:
    """The facts that a case describes; `retry_after` is in seconds."""
    given = dict(data)
    if given.get("retry_after") is not None:
        given["retry_after"] = timedelta(seconds=float(given["retry_after"]))
    return _FACTS.validate_python(given)


# ---------------------------------------------------------------- comparing


def plain(value: Any) -> Any:
    """A value as JSON shows it: records as objects, times and durations as strings."""
    return to_jsonable_python(value, bytes_mode="base64")


def request_facts(request: Any) -> dict[str, Any]:
    """A request's fields as a case names them."""
    facts = {f.name: getattr(request, f.name) for f in fields(request)}
    body = facts.get("body")
    if isinstance(body, Form):
        facts["form"] = [list(pair) for pair in body.fields]
    elif isinstance(body, Multipart):
        facts["multipart"] = {"fields": [list(pair) for pair in body.fields], "files": body.files}
    elif isinstance(body, RawBody):
        facts["body"] = body.content.decode("utf-8", "replace")
    return facts


def differences(expected: object, found: object, where: str = "") -> list[str]:
    """Where `found` is not as expected. Of an object only the expected keys count; lists are compared whole;
    times and durations by their value."""
    if is_object(expected):
        return _object_differences(expected, found, where)
    shown = plain(found)
    if is_list(expected) and is_list(found):
        if len(expected) != len(found):
            return [f"{where}: expected {len(expected)} items, found {len(found)}: {shown}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [one for index, (a, b) in pairs for one in differences(a, b, f"{where}[{index}]")]
    if (expected == shown and isinstance(expected, bool) == isinstance(shown, bool)) or _same_value(expected, found):
        return []
    return [f"{where or 'value'}: expected {expected!r}, found {shown!r}"]


def _object_differences(expected: Mapping[str, Any], found: object, where: str) -> list[str]:
    if is_list(found) and all(is_list(pair) and len(pair) == 2 for pair in found):
        found = {pair[0]: pair[1] for pair in found}
    result: list[str] = []
    for key, value in expected.items():
        at = f"{where}.{key}" if where else key
        inner = found.get(key, _MISSING) if is_object(found) else getattr(found, key, _MISSING)
        result += [f"{at}: missing in {plain(found)}"] if inner is _MISSING else differences(value, inner, at)
    return result


def _same_value(expected: object, found: object) -> bool:
    if isinstance(found, datetime) and isinstance(expected, str):
        try:
            return datetime.fromisoformat(expected) == found
        except (TypeError, ValueError):
            return False
    if isinstance(found, timedelta) and isinstance(expected, int | float):
        return found.total_seconds() == expected
    if is_list(expected) and isinstance(found, frozenset):
        return sorted(map(str, expected)) == sorted(map(str, cast(frozenset[object], found)))
    return False
