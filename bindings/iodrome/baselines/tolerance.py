# SPDX-License-Identifier: Apache-2.0
"""What may differ from a baseline, and by how much. Nothing may unless somebody says so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


def parse(text: str) -> Fraction:
    """The fraction that "2%" or "0.5 %" stands for. Errors: ValueError."""
    match = _PERCENT.fullmatch(text.strip())
    if not match:
        raise ValueError(f"'{text}' is no tolerance; write a share such as '2%'")
    return Fraction(match[1]) / 100


class Tolerance:
    """Shares by the name of a figure or a pattern of it (`latency.*`, `sync.latency.p99`, `*`).

    Order: of two that fit, the later one counts.
    """

    def __init__(self, rules: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> None:
        """Errors: ValueError naming the pattern whose share is none."""
        pairs = rules.items() if isinstance(rules, Mapping) else rules
        self.rules: list[tuple[str, Fraction]] = []
        self.texts: dict[str, str] = {}
        for pattern, text in pairs:
            if not isinstance(text, str):
                raise ValueError(f"{pattern}: a tolerance is a text such as '2%', not {text!r}")
            self.texts.pop(pattern, None)  # a rule given again counts from its new place
            self.texts[pattern] = text
            try:
                self.rules.append((pattern, parse(text)))
            except ValueError as error:
                raise ValueError(f"{pattern}: {error}") from None

    def __add__(self, other: Tolerance) -> Tolerance:
        return Tolerance([*self.texts.items(), *other.texts.items()])

    def allows(self, design: str, name: str, old: int, new: int) -> bool:
        """Whether `new` is near enough to `old`; compared exactly, without rounding."""
        share = Fraction(0)
        for pattern, each in self.rules:
            if _fits(pattern, design, name):
                share = each
        return abs(new - old) <= share * abs(old)

    def unknown(self, names: Iterable[tuple[str, str]]) -> str | None:
        """What is wrong with a pattern that fits no (design, figure) at all, or None."""
        known = list(names)
        for pattern, _ in self.rules:
            if not any(_fits(pattern, design, name) for design, name in known):
                near = difflib.get_close_matches(pattern, {name for _, name in known}, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                return f"no recorded figure is called '{pattern}'{hint}"
        return None


def _fits(pattern: str, design: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(f"{design}.{name}", pattern)
