"""The main job, over real sockets and in a process of its own: what a new user runs first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from omnichannel.cli import main
from omnichannel.demo.corpus import read
from omnichannel.model.exceptions import ConfigurationError

WITHIN = 600
HARMLESS = {"lost": 0, "duplicated": 0, "notices_repeated": 0, "out_of_order": 0}


def run(*arguments: str) -> tuple[dict[str, float], str]:
    """Runs `omnichannel demo --json`; gives its last line, and what it told besides."""
    command = [sys.executable, "-m", "omnichannel.cli", "demo", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)  # noqa: S603 - ours
    assert done.stdout.strip(), done.stderr
    totals = json.loads(done.stdout.strip().splitlines()[-1])
    assert totals["customers"] == sum(totals[k] for k in ("moved", "reachable_elsewhere", "told", "unreachable"))
    return totals, done.stderr


def test_an_airline_leaves_x_and_nobody_is_lost(tmp_path: Path) -> None:
    database = tmp_path / "demo.db"
    totals, told = run("--seed", "7", "--db", str(database))
    assert {name: totals[name] for name in HARMLESS} == HARMLESS, told
    assert totals["customers"] == 20
    assert totals["moved"] >= 8
    assert totals["notices"] == 20
    assert totals["messages_in"] >= 20 + 10 + totals["moved"]
    assert database.exists()


def history(corpus: Path, path: Path, conversations: int) -> Path:
    lines = (corpus / "data" / "support_conversations.jsonl").read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:conversations]), "utf-8")
    return path


def test_real_history_is_replayed_without_a_loss(corpus: Path, tmp_path: Path) -> None:
    totals, told = run("--history", str(history(corpus, tmp_path / "some.jsonl", 30)))
    assert {name: totals[name] for name in HARMLESS} == HARMLESS, told
    assert totals["customers"] == len({a for _, a in read(tmp_path / "some.jsonl", 1).people})


@pytest.mark.parametrize(
    ("conversations", "kills"), [(15, 2), pytest.param(60, 10, marks=pytest.mark.faults, id="ten-kills")]
)
def test_a_hub_that_is_killed_again_and_again_loses_nothing(
    corpus: Path, tmp_path: Path, conversations: int, kills: int
) -> None:
    path = history(corpus, tmp_path / "some.jsonl", conversations)
    totals, told = run("--history", str(path), "--kills", str(kills))
    assert totals["lost"] == 0, told
    assert totals["duplicated"] <= totals["unknown"], told
    assert totals["notices_repeated"] == 0
    assert f"({kills} of {kills})" in told


def test_the_whole_history_is_read_as_it_is(corpus: Path) -> None:
    found = read(corpus / "data" / "support_conversations.jsonl", 1)
    said = [line for line in found.lines if line.from_customer]
    assert (found.conversations, found.customers, len(said)) == (1025, 1046, 1207)
    assert (found.without_time, found.backwards) == (39, 24)
    assert len({line.id for line in found.lines}) == len(found.lines)


def test_the_same_id_is_one_message_and_one_conversation(tmp_path: Path) -> None:
    message = {"id": "1", "role": "customer", "author": "ann", "at": "2020-01-02T00:00:00Z", "text": "Hello"}
    later = message | {"id": "2", "at": "2020-01-01T00:00:00Z"}
    without = {"id": "3", "role": "agent", "author": "Air", "text": "Hi"}
    rows = [
        {"conversation": "a", "company": "Air", "messages": [message, later]},
        {"conversation": "b", "company": "Air", "messages": [message, without]},
    ]
    path = tmp_path / "h.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    found = read(path, 1)
    assert [(line.id, line.conversation) for line in found.lines] == [("1", "a"), ("2", "a"), ("3", "a")]
    assert (found.repeated, found.backwards, found.without_time, found.customers) == (1, 1, 1, 1)


def test_a_file_that_is_no_history_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text('{"conversation": "a", "company": "Air", "messages": [{"id": "1"}]}', "utf-8")
    with pytest.raises(ConfigurationError, match=r"h\.jsonl, line 1: messages\.0\.role"):
        read(path, 1)
    with pytest.raises(ConfigurationError, match="give a JSONL file"):
        read(tmp_path / "none.jsonl", 1)


def test_an_existing_database_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kept.db"
    path.write_bytes(b"mine")
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--db", str(path)])
    assert ended.value.code == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_bytes() == b"mine"
