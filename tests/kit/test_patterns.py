"""Patterns of hosts: which are taken, and which refused with a reason."""

import pytest

from omnichannel.kit.patterns import found, safe_pattern


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"AF\d{6}", "my AF123456."),
        (r"(?i)af\d+", "AF1"),
        (r"\b[A-Z0-9]{6}\b", "ref K3X9PQ"),
        (r"(?:\d{2} ?){5}", "06 12 34 56 78"),
        (r"(?P<kind>AF|KL)-?\d{1,4}", "KL-12"),
        (r"[^]\]x]+", "]ab"),
        (r"[\]a]{2}", "]a"),
        (r"ref(?=\d)\d{3,}", "ref1234"),
        (r"(?<=ref)(?!x)\d{,3}", "ref12"),
        (r"a{2}{", "aa{"),
        (r"x{", "x{"),
        (r"\[\d\]", "[1]"),
        (r"(?>ab|a)c*?", "ab"),
        (r"", "anything"),
    ],
)
def test_bounded_patterns_are_taken(source: str, text: str) -> None:
    assert found(safe_pattern(source), text)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (r"(a+)+$", "without a bound what varies"),
        (r"(a*)*", "without a bound what varies"),
        (r"(?:a?)*b", "without a bound what varies"),
        (r"(a|ab)+", "without a bound what varies"),
        (r"(?:(?:x{1,3})y){2,}", "without a bound what varies"),
        (r"\w*\w*x", "too many steps"),
        (r"(a{1,20}){1,20}", "too many steps"),
        (r"(a|b){30}", "too many steps"),
        (r"(a)\1", "refers back"),
        (r"(?P<x>a)(?P=x)", r"uses \(\?P="),
        (r"(?s)a", r"uses \(\?s"),
        (r"(a)(?(1)b|c)", r"uses \(\?\(1"),
        (r"[", "does not compile"),
        (r"a" * 501, "longer than 500"),
    ],
)
def test_others_are_refused_with_the_reason(source: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        safe_pattern(source)


@pytest.mark.parametrize("before", [0, 1, 100, 127, 128, 200, 255, 256, 1000])
def test_a_match_is_found_wherever_it_stands(before: int) -> None:
    pattern = safe_pattern(r"K\d{100}L")
    assert found(pattern, "." * before + "K" + "1" * 100 + "L" + "." * 300)
    assert not found(pattern, "." * before + "K" + "1" * 99 + "L" + "." * 300)
