"""Every customer ends in exactly one place, and the counts are of persons."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.withdrawal.reach import Place, Standing, classify_customer, reach

EXPECTED: dict[tuple[bool, bool, bool], Place] = {
    (True, True, True): "moved",
    (True, True, False): "moved",
    (True, False, True): "moved",
    (True, False, False): "moved",
    (False, True, True): "reachable_elsewhere",
    (False, True, False): "reachable_elsewhere",
    (False, False, True): "told",
    (False, False, False): "unreachable",
}


@pytest.mark.parametrize("flags", list(product([True, False], repeat=3)))
def test_the_places_have_a_precedence(flags: tuple[bool, bool, bool]) -> None:
    moved, elsewhere, told = flags
    assert classify_customer(moved=moved, reachable_elsewhere=elsewhere, told=told) == EXPECTED[flags]


STANDINGS = st.lists(
    st.builds(
        Standing,
        customer_id=st.sampled_from([f"cus_{number}" for number in range(12)]),
        moved=st.booleans(),
        elsewhere=st.lists(st.sampled_from(["whatsapp", "email", "sms"])).map(tuple),
        told=st.booleans(),
        reason=st.sampled_from(["", "opted out", "no address"]),
        notices=st.integers(0, 3),
        cost=st.decimals(0, 1, places=3),
    )
)


@given(STANDINGS)
def test_the_counts_always_add_up(rows: list[Standing]) -> None:
    found = reach(rows)
    assert found.customers == len({row.customer_id for row in rows})
    assert found.moved + found.reachable_elsewhere + found.told + found.unreachable == found.customers
    assert sum(found.reasons.values()) == found.unreachable
    assert all(count <= found.reachable_elsewhere for count in found.by.values())
    assert found.notices == sum(row.notices for row in rows)
    assert found.cost == sum((row.cost for row in rows), Decimal(0))
    assert reach(reversed(rows)).customers == found.customers


def test_rows_of_one_person_are_one_person() -> None:
    found = reach(
        [
            Standing(customer_id="a", told=True),
            Standing(customer_id="a", elsewhere=("email",)),
            Standing(customer_id="b", elsewhere=("email", "sms")),
            Standing(customer_id="c", reason="opted out everywhere"),
            Standing(customer_id="d"),
            Standing(customer_id="e", moved=True, elsewhere=("email",), told=True),
        ]
    )
    assert (found.customers, found.moved, found.reachable_elsewhere, found.told, found.unreachable) == (5, 1, 2, 0, 2)
    assert found.by == {"email": 2, "sms": 1}
    assert found.reasons == {"no other address": 1, "opted out everywhere": 1}
