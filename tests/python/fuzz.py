# SPDX-License-Identifier: Apache-2.0
"""Seeded damage to valid inputs: the same on every machine, so that what is found stays found."""

import copy
import json
import os
import random
from collections.abc import Iterator
from typing import Any

RUNS = int(os.environ.get("IODROME_FUZZ_RUNS", "0"))
_ODD: list[Any] = [
    None, True, -1, 0, 1, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "",
    "x", "\ud800", "\0", "</script>", [], {}, [[]], {"": 0}, [1], "é" * 50, "1..9:x2",
]  # fmt: skip
_PIECES = ["..", ":x", ":+", "0", "9", ".", "e", "KiB", "us", "-", "+", ",", "=", " ", "\0", "é",
           "1e9", "inf", "nan", "٣", "²", "\n", "/", "%"]  # fmt: skip


def runs(few: int) -> int:
    """How often to try: a few times in every test run, as often as asked in `./dev fuzz`."""
    return RUNS or few


def damaged(value: Any, dice: random.Random) -> Any:
    """JSON data with one to four places changed, taken away, or filled with something odd."""
    value = copy.deepcopy(value)
    for _ in range(dice.randint(1, 4)):
        places = list(_places(value))
        if not places:
            return dice.choice(_ODD)
        holder, key = dice.choice(places)
        match dice.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(dice.choice(holder)))
            case _:
                holder[key] = copy.deepcopy(dice.choice(_ODD))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def text_of(value: Any, dice: random.Random) -> str:
    """The data as JSON, now and then cut off."""
    text = json.dumps(value)
    return text[: dice.randrange(len(text))] if dice.randrange(20) == 0 else text


def damaged_text(text: str, dice: random.Random) -> str:
    for _ in range(dice.randint(1, 5)):
        at = dice.randint(0, len(text))
        match dice.randrange(3):
            case 0:
                text = text[:at] + dice.choice(_PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + dice.randint(1, 3) :]
            case 2:
                text = text[:at] + text[dice.randint(0, len(text)) :][:8] + text[at:]
    return text


def odd(dice: random.Random) -> Any:
    return dice.choice(_ODD)
