# SPDX-License-Identifier: Apache-2.0
"""The values a sweep gives to a parameter: a list, or a range with its step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from iodrome.toml_text import as_setting

MOST_VALUES = 10_000
_RANGE = re.compile(r"(?P<first>[\d.]+)(?P<unit1>\D*)\.\.(?P<last>[\d.]+)(?P<unit2>[^\d:]*)"
                    r"(?::(?P<how>[x+])(?P<step>[\d.]+))?$")  # fmt: skip


def values(key: str, given: str | Iterable[object]) -> list[str]:
    """`"a,b,c"`, `"1..256:x2"` (1, 2, 4, … 256), `"1..10:+3"`, `"1..8"`, `"1us..16us:x2"`, or the
    values themselves.

    Order: as written. Errors: ValueError, TypeError for a bare float.
    """
    if not isinstance(given, str):
        found = [as_setting(key, value) for value in given]
    elif ".." in given and key not in ("machine", "design"):
        found = _range(key, given)
    else:
        found = [value.strip() for value in given.split(",")]
    if not found or "" in found:
        raise ValueError(f"{key}: wants values separated by single commas, or a range as 1..256:x2")
    twice = next((value for value in found if found.count(value) > 1), None)
    if twice is not None:
        raise ValueError(f"{key}: the value '{twice}' occurs twice")
    return found


def _range(key: str, text: str) -> list[str]:
    match = _RANGE.match(text.strip())
    if match is None:
        raise ValueError(f"{key}: '{text}' is no range; write 1..256:x2, 1..10:+3 or 1..8")
    first_unit, unit = match["unit1"].rstrip(), match["unit2"].rstrip()
    unit = unit or first_unit
    if first_unit and first_unit != unit:
        raise ValueError(f"{key}: '{text}' has two units; write both ends in the same one")
    try:
        value, last = Decimal(match["first"]), Decimal(match["last"])
        step = Decimal(match["step"] or 1)
    except InvalidOperation:
        raise ValueError(f"{key}: '{text}' holds no number") from None
    multiply = match["how"] == "x"
    if value > last or (multiply and (step <= 1 or value == 0)) or step <= 0:
        raise ValueError(f"{key}: '{text}' does not rise from its first value to its last")
    found: list[str] = []
    while value <= last:
        found.append(f"{value:f}{unit}")
        if len(found) > MOST_VALUES:
            raise ValueError(f"{key}: '{text}' has more than {MOST_VALUES:,} values")
        value = value * step if multiply else value + step
    return found


def parse(text: str) -> tuple[str, list[str]]:
    """`KEY=VALUES` as the command takes it. Errors: ValueError."""
    key, equals, given = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"'{text}' is not KEY=VALUES, such as cpu.count=1,2,4 or =1..8:x2")
    return key.strip(), values(key.strip(), given)
