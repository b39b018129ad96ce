# SPDX-License-Identifier: Apache-2.0
"""What there is to say about one thing, as data and as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from iodrome.catalogue import NotModelled, Parameter
from iodrome.pages import plain

WIDTH = 100


@dataclass(frozen=True)
class Explanation:
    """Sections of prose, what is left out, and parameters with where their values come from."""

    kind: str
    name: str
    summary: str
    sections: dict[str, str] = field(default_factory=dict)
    not_modelled: tuple[NotModelled, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    #: the same parameter on other machines or in other parts: (where, its row there)
    elsewhere: tuple[tuple[str, Parameter], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, for `--json`."""
        told = asdict(self)
        told["elsewhere"] = [{"where": where, **asdict(row)} for where, row in self.elsewhere]
        return told

    def text(self) -> str:
        """For a terminal, at most 100 columns where words allow it."""
        head = f"{self.name} ({self.kind})"
        blocks = ["\n".join([head, *_wrapped(self.summary, "  ")])]
        for title, prose in self.sections.items():
            blocks.append("\n".join([title, *_prose(prose)]))
        if self.not_modelled:
            rows = [f"{row.what} ({row.where})" for row in self.not_modelled]
            blocks.append("\n".join(["Not modelled", *(_item(row) for row in rows)]))
        if self.parameters:
            rows = [line for row in self.parameters for line in _value(row.key, row, row.help)]
            blocks.append("\n".join(["Parameters", *rows]))
        if self.elsewhere:
            rows = [line for where, row in self.elsewhere for line in _value(where, row)]
            blocks.append("\n".join(["Elsewhere", *rows]))
        return "\n\n".join(blocks)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )


def _item(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    "))


def _prose(text: str) -> Iterator[str]:
    """Text of a page keeps its lines: they are lists and tables as often as sentences."""
    for line in plain(text).splitlines():
        indent = "  " + " " * (len(line) - len(line.lstrip()))
        yield from _wrapped(line.strip(), indent) if len(line) > WIDTH else [f"  {line}".rstrip()]


def _value(name: str, row: Parameter, help: str = "") -> Iterator[str]:
    yield f"  {name} = {row.text}"
    yield from _wrapped(help, "      ")
    date = f" ({row.date})" if row.date else ""
    guess = ("; a guess" if row.guess else "") + ("; fitted" if row.fitted else "")
    yield from _wrapped(f"from: {row.source}{date}{guess}", "      ")
