"""No pattern is a bomb: none of ours repeats what repeats without bound, and none that a user writes gets through."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from omnichannel.kit.patterns import found, safe_pattern

_PARSER: Any = import_module("re._parser")
_REPEATS: Any = {_PARSER.MAX_REPEAT, _PARSER.MIN_REPEAT}
SOURCE = Path(__file__).resolve().parent.parent.parent / "src"
ATTACKS = 1_000
BOMBS = (r"(a+)+$", r"(a*)*b", r"(a|a)*$", r"(\w+\s?)*$", r"(x+x+)+y", r"([a-z]+)*\d", r"^(([a-z])+.)+[A-Z]([a-z])+$")


def patterns() -> Iterator[tuple[str, str]]:
    """Every pattern that stands in the source as a literal, and where."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                value, name, first = node.func.value, node.func.attr, node.args[0]
                ours = isinstance(value, ast.Name) and value.id == "re" and name != "escape"
                if ours and isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                    text = first.value if isinstance(first.value, str) else first.value.decode("latin-1")
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", text


def nests(tree: Any, inside: bool = False) -> bool:
    """Whether an endless repetition holds another one that can match the same text in several ways."""
    for kind, what in tree:
        endless = kind in _REPEATS and what[1] is _PARSER.MAXREPEAT
        if endless and inside and not separated(tree, kind, what):
            return True
        children = [one for one in flat(what) if isinstance(one, _PARSER.SubPattern)]
        if any(nests(child, inside or endless) for child in children):
            return True
    return False


def separated(tree: Any, kind: Any, what: Any) -> bool:
    """Beside something fixed, a repetition within a repetition has one way to match: `(,[^,]*)*`."""
    return any(one in (_PARSER.LITERAL, _PARSER.IN, _PARSER.NOT_LITERAL) for one, _ in tree) and len(tree) > 1


def flat(what: Any) -> Iterator[Any]:
    if isinstance(what, tuple | list):
        for one in cast(Sequence[Any], what):
            yield one
            if isinstance(one, list | tuple):
                yield from flat(one)


OURS = list(patterns())


def test_patterns_of_ours_are_found() -> None:
    assert len(OURS) > 40


@pytest.mark.parametrize(("where", "pattern"), OURS, ids=[where for where, _ in OURS])
def test_none_of_ours_nests_repetitions(where: str, pattern: str) -> None:
    assert not nests(_PARSER.parse(pattern)), f"{where}: {pattern}"


@pytest.mark.parametrize("bomb", BOMBS[:2] + BOMBS[4:5])
def test_the_check_sees_a_bomb(bomb: str) -> None:
    assert nests(_PARSER.parse(bomb))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_users_bomb_is_refused(bomb: str) -> None:
    with pytest.raises(ValueError, match=r"nested|steps|bound"):
        safe_pattern(bomb)


def test_attack_strings_cost_nothing(seed: int) -> None:
    """Patterns as users write them, on strings made to nearly match."""
    random = Random(seed)
    taken = [
        safe_pattern(source) for source in (r"AF\d{6}", r"\b[A-Z]{2}\d{3,4}\b", r"[a-z]{1,20}@[a-z]{1,20}", r"x{1,64}y")
    ]
    for _ in range(ATTACKS):
        piece = random.choice(("A", "AF1", "a", "x", "a@", "9", "AF12345", "\u00e9"))
        text = piece * random.choice((10, 1_000, 20_000)) + random.choice(("", "!", "AF123456"))
        for pattern in taken:
            found(pattern, text)
    print(f"R29: {ATTACKS:,} attack strings on {len(taken)} patterns")
