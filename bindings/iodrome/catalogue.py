# SPDX-License-Identifier: Apache-2.0
"""What a race can be made of: designs, machines, parts and parameters, as the simulator has them.

Everything here is read from the components' own tables and files; nothing is written twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Protocol, TypeVar

from iodrome.core import core


@dataclass(frozen=True)
class NotModelled:
    """Something that a component leaves out, and where it would belong."""

    what: str
    where: str


@dataclass(frozen=True)
class Parameter:
    """A parameter by the key that `--set` takes, with a value and where that comes from."""

    key: str
    value: str  #: as written, with its unit where it has one of its own
    unit: str  #: of the quantity: "s", "B", "B/s", or "" for counts, switches and names
    help: str
    type: str  #: what may be written: duration, bytes, rate, share, count, flag or text
    source: str
    date: str
    guess: bool  #: nobody measured it
    fitted: bool  #: chosen so that a published table comes out

    @property
    def text(self) -> str:
        """The value with its unit."""
        bare = self.unit and self.value.isdigit()
        return f"{self.value} {self.unit}" if bare else self.value

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: key, value with unit, help."""
        marks = " (a guess)" if self.guess else ""
        marks += " (fitted)" if self.fitted else ""
        return self.key, self.text, self.help + marks


@dataclass(frozen=True)
class Design:
    """An asynchronous-I/O design that can race."""

    name: str
    summary: str
    source: str
    threads: str  #: of the application
    not_modelled: tuple[NotModelled, ...]

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: name, summary."""
        return self.name, self.summary


@dataclass(frozen=True)
class Part:
    """A device part: one file of numbers for a kind of device."""

    name: str
    kind: str  #: the table that its parameters stand in: nvme, disk, nic, ioat …
    folder: str  #: of hw/, where the device is described
    summary: str
    about: str
    file: str
    parameters: tuple[Parameter, ...]

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: name, kind, summary."""
        return self.name, self.kind, self.summary


@dataclass(frozen=True)
class MachineInfo:
    """A machine with its parts by kind, and its parameters without those of designs."""

    name: str
    summary: str
    about: str
    parts: Mapping[str, str]
    not_modelled: tuple[NotModelled, ...]
    parameters: tuple[Parameter, ...]

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: name, summary."""
        return self.name, self.summary


@dataclass(frozen=True)
class Scenario:
    """An input that comes with Iodrome."""

    name: str
    summary: str
    about: str
    file: str

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: name, summary."""
        return self.name, self.summary


@dataclass(frozen=True)
class Word:
    """A word of a closed list, and what it means."""

    name: str
    help: str

    def line(self) -> tuple[str, ...]:
        """The cells of its line in a list: word, meaning."""
        return self.name, self.help


class Row(Protocol):
    """Something that has a line in a list."""

    def line(self) -> tuple[str, ...]:
        """The cells of its line."""


Listed = TypeVar("Listed", bound=Row)


class Listing(list[Listed]):
    """A list that shows itself as a table."""

    def __repr__(self) -> str:
        return "\n".join(table(row.line() for row in self))


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines with aligned columns; the last one is as wide as it is."""
    filled = [tuple(cell.replace("\n", " ") for cell in row) for row in rows]
    columns = max(map(len, filled), default=0)
    widths = [max(len(row[i]) for row in filled if i < len(row)) for i in range(columns)]
    return [
        "  ".join(
            cell if i == len(row) - 1 else f"{cell:{widths[i]}}" for i, cell in enumerate(row)
        ).rstrip()
        for row in filled
    ]


def data(machine: str = "") -> dict[str, Any]:
    """The catalogue as the simulator writes it, read once. Errors: InputError for an unknown
    machine or a wrong file."""
    # A file may change while the process lives.
    is_file = "/" in machine or machine.endswith(".toml")
    return _read.__wrapped__(machine) if is_file else _read(machine)


@cache
def _read(machine: str) -> dict[str, Any]:
    everything: dict[str, Any] = json.loads(core().catalogue(machine))
    return everything


def summary_of(about: str) -> str:
    """The first sentence of a file's leading comment."""
    text = " ".join(about.split())
    ends = [at + 1 for at in (text.find(". "), text.find("? ")) if at >= 0]
    return text[: min(ends)] if ends else text


def _parameters(rows: list[dict[str, Any]]) -> tuple[Parameter, ...]:
    wanted = [field.name for field in fields(Parameter)]
    return tuple(Parameter(**{name: row[name] for name in wanted}) for row in rows)


def _not_modelled(rows: list[dict[str, str]]) -> tuple[NotModelled, ...]:
    return tuple(NotModelled(**row) for row in rows)


def _machine(row: dict[str, Any]) -> MachineInfo:
    parts = [row[place] for place in ("storage", "network", "clients", "dma", "crypto") if place in row]
    return MachineInfo(
        name=row["name"],
        summary=summary_of(row["about"]),
        about=row["about"],
        parts={part["kind"]: part["part"] for part in parts},
        not_modelled=_not_modelled(row["not_modelled"]),
        parameters=_parameters(row["parameters"]),
    )


def designs() -> Listing[Design]:
    """Every design of this build, in the order of their folders."""
    return Listing(
        Design(**{**row, "not_modelled": _not_modelled(row["not_modelled"])})
        for row in data()["designs"]
    )


def machines() -> Listing[MachineInfo]:
    """The machine files that come with the package."""
    return Listing(_machine(row) for row in data()["machines"])


def machine(name: str | os.PathLike[str] | None = None) -> MachineInfo:
    """One machine, by name or file; without a name the one that races take by default.

    Errors: InputError.
    """
    return _machine(data("" if name is None else os.fspath(name))["machine"])


def parameters(machine: str | os.PathLike[str] | None = None) -> Listing[Parameter]:
    """Every parameter that `--set` takes on a machine (by default the one that races take), with
    its value there.

    Errors: InputError for an unknown machine or a wrong file.
    """
    name = "" if machine is None else os.fspath(machine)
    return Listing(_parameters(data(name)["parameters"]))


def parts() -> Listing[Part]:
    """The device parts that come with the package, by kind."""
    return Listing(
        Part(
            **{
                **row,
                "summary": summary_of(row["about"]),
                "parameters": _parameters(row["parameters"]),
            }
        )
        for row in data()["parts"]
    )


def scenarios() -> Listing[Scenario]:
    """The inputs that come with the package; their `file` lies in the data folder."""
    return Listing(Scenario(summary=summary_of(row["about"]), **row) for row in data()["scenarios"])


def words(which: str) -> Listing[Word]:
    """A closed list: `stages`, `cpu_classes` or `counters`."""
    return Listing(Word(**row) for row in data()[which])
