"""Damages recorded payloads, by a seed: a parser has to survive what no platform has documented."""

from __future__ import annotations

import copy
import json
import random
from typing import Any, TypeGuard

WEIRD: tuple[Any, ...] = (None, True, 0, -1, 2**63, 1.5, "", "\x00", "\u202e", "9" * 400, [], [None], {}, {"": None})


def mutate(content: bytes, chance: random.Random) -> bytes:
    """A damaged copy: as JSON where it is JSON (a value replaced, a key dropped), else, or now and then, as bytes."""
    try:
        data: object = json.loads(content)
    except ValueError:
        return _bytes(content, chance)
    if not is_container(data) or chance.random() < 0.3:
        return _bytes(content, chance)
    for _ in range(chance.randint(1, 3)):
        _json(data, chance)
    return json.dumps(data).encode()


def is_container(value: object) -> TypeGuard[dict[Any, Any] | list[Any]]:
    """Whether it has values inside."""
    return isinstance(value, dict | list)


def _json(data: object, chance: random.Random) -> None:
    node: Any = data
    while True:
        keys: list[Any] = list(node) if hasattr(node, "keys") else list(range(len(node)))
        if not keys:
            return
        key = chance.choice(keys)
        if is_container(node[key]) and chance.random() < 0.8:
            node = node[key]
            continue
        if chance.random() < 0.3:
            del node[key]
        else:
            node[key] = copy.deepcopy(chance.choice(WEIRD))
        return


def _bytes(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    match chance.randrange(4):
        case 0:
            return bytes(damaged[: chance.randint(0, len(damaged))])
        case 1:
            at = chance.randint(0, len(damaged))
            damaged[at:at] = chance.randbytes(chance.randint(1, 8))
        case 2:
            start = chance.randint(0, len(damaged))
            del damaged[start : start + chance.randint(1, 40)]
        case _:
            for _ in range(chance.randint(1, 4) if damaged else 0):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)
