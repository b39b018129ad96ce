# SPDX-License-Identifier: Apache-2.0
"""Scenarios written in Python: job files, logs and machines; chains are in iodrome.chains.

Each builder is a value: its methods return a new one. What they make is the text of a scenario or
job file, so the simulator checks it as it checks a file. A quantity is a string with its unit
("64 KiB", "20 us"); a bare float is refused, a bare integer counts bytes where bytes are meant.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from iodrome.toml_text import as_setting, toml_value


class InputText(Protocol):
    """Something that stands for an input file."""

    @property
    def name(self) -> str:
        """File name with the suffix that tells the kind."""

    def text(self) -> str:
        """What the file would hold."""


@dataclass(frozen=True)
class FioJobs:
    """A fio job file. Start one with `io.fio_job(...)`; add() appends another section."""

    sections: tuple[tuple[str, Mapping[str, object]], ...] = ()

    def add(self, name: str, **options: object) -> FioJobs:
        """Appends a job. Options are fio's, values as fio writes them."""
        return replace(self, sections=(*self.sections, (name, options)))

    @property
    def name(self) -> str:
        """What messages call it; its ending says that it is a job file."""
        return "jobs.fio"

    def text(self) -> str:
        """The job file. Errors: TypeError for a bare float, ValueError for a line break in a
        value."""
        return "\n".join(self._section(name, options) for name, options in self.sections)

    @staticmethod
    def _section(name: str, options: Mapping[str, object]) -> str:
        lines = [f"[{_one_line(name)}]"]
        for key, value in options.items():
            if isinstance(value, bool):
                value = int(value)
            lines.append(f"{_one_line(key)}={_one_line(as_setting(key, value))}")
        return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError(f"a value of a job file is one line, not {text!r}")
    return text


@dataclass(frozen=True)
class AccessLog:
    """A web access log with the way it is replayed. Make one with `io.access_log(...)`."""

    path: str
    load: str | None = None
    connections: int | None = None

    @property
    def name(self) -> str:
        """What messages call it; its ending says that it is a scenario."""
        return "access_log.toml"

    def text(self) -> str:
        """The scenario file, with the log by its absolute path."""
        lines = ["[workload]", 'kind = "access_log"']
        lines.append(f"path = {toml_value('path', os.path.abspath(self.path))}")
        if self.load is not None:
            lines.append(f"load = {toml_value('load', self.load)}")
        if self.connections is not None:
            lines.append(f"connections = {toml_value('connections', self.connections)}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Machine:
    """A machine with some parameters changed. Start one with `io.machine(...)`."""

    base: str
    changes: Mapping[str, str] = field(default_factory=dict)

    def set(self, key: str, value: object) -> Machine:
        """Changes one parameter by its dotted name, e.g. set("costs.context_switch", "2 us")."""
        return replace(self, changes={**self.changes, key: as_setting(key, value)})


def fio_job(name: str = "job", **options: object) -> FioJobs:
    """A fio job file with one job: `io.fio_job("reads", rw="randread", bs="4k", size="1g")`."""
    return FioJobs().add(name, **options)


def access_log(
    path: str | os.PathLike[str], *, load: str | None = None, connections: int | None = None
) -> AccessLog:
    """A web access log. `load`: "60%" of the link, "trace" or "closed:N"; see run() for paths."""
    if load is not None and not isinstance(load, str):
        raise TypeError("load: write a share as a string, such as '60%', or 'trace', 'closed:8'")
    return AccessLog(os.fspath(path), load, connections)


def machine(base: str = "server_2026", **changes: object) -> Machine:
    """A machine by name or file; keywords are parameters with `__` for the dot: cpu__count=4."""
    made = Machine(base)
    for key, value in changes.items():
        made = made.set(key.replace("__", "."), value)
    return made
