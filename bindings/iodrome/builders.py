# SPDX-License-Identifier: Apache-2.0
"""Scenarios written in Python: chains, job files, logs and machines.

Each builder is a value: its methods return a new one. What they make is the text of a scenario or
job file, so the simulator checks it as it checks a file. A quantity is a string with its unit
("64 KiB", "20 us"); a bare float is refused, a bare integer counts bytes where bytes are meant.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol


class InputText(Protocol):
    """Something that stands for an input file."""

    @property
    def name(self) -> str:
        """File name with the suffix that tells the kind."""

    def text(self) -> str:
        """What the file would hold."""


Quantity = str | int


def as_setting(what: str, value: object) -> str:
    """A parameter's value as a file would have it.

    Errors: TypeError for a bare float and for anything that is no quantity.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        raise TypeError(f"{what}: {value} has no unit; write a string, such as '{value:g} us'")
    if isinstance(value, int | str):
        return str(value)
    raise TypeError(f"{what}: a quantity is a string with its unit or an integer, not {value!r}")


def _toml(what: str, value: object) -> str:
    """A TOML value. JSON's strings are TOML's but for one character that TOML wants escaped."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = value if isinstance(value, str) else as_setting(what, value)
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True)
class Step:
    """One step of a chain, as a scenario's [[chain.step]]."""

    op: str
    keys: tuple[tuple[str, object], ...]

    def text(self) -> str:
        """The step as lines of TOML. Errors: TypeError for quantities without a unit."""
        lines = [f"{key} = {_value(self.op, key, value)}" for key, value in self.keys]
        return "\n".join(["[[chain.step]]", f'op = "{self.op}"', *lines])


def _value(op: str, key: str, value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(f"{op}({key})", item) for item in value) + "]"
    return _toml(f"{op}({key})", value)


@dataclass(frozen=True)
class Chain:
    """A chain of steps over one file, issued by clients. Start one with `io.chain()`.

    Order: steps run in the order in which they were added.
    """

    steps: tuple[Step, ...] = ()
    size: Quantity | None = None  #: of the file opened last
    clients: int = 1
    repeat: int = 1
    interval: str | None = None

    def _with(self, op: str, on_error: str | None, **keys: object) -> Chain:
        given = {key: value for key, value in keys.items() if value is not None}
        for key, value in given.items():
            if not isinstance(value, tuple):
                as_setting(f"{op}({key})", value)
            if isinstance(value, bool):
                raise TypeError(f"{op}({key}): {value} is no quantity")
        if op not in ("open", "nop"):
            given["fd"] = "$open.fd"
        given["name"] = op if not any(step.op == op for step in self.steps) else (
            f"{op}{len(self.steps)}"
        )
        if on_error is not None:
            given["on_error"] = on_error
        return replace(self, steps=(*self.steps, Step(op, tuple(given.items()))))

    def nop(self) -> Chain:
        """A step that does nothing."""
        return self._with("nop", None)

    def open(self, path: str, size: Quantity | None = None) -> Chain:
        """Opens a file. `size`: its size in bytes, for steps that go to its end."""
        return replace(self._with("open", None, path=path), size=size)

    def stat(self, on_error: str | None = None) -> Chain:
        """Asks for the file's size."""
        return self._with("stat", on_error)

    def read(
        self,
        bytes: Quantity,
        offset: Quantity | None = None,
        *,
        direct: bool = False,
        on_error: str | None = None,
    ) -> Chain:
        """Reads into user memory; `offset` may be "random"; `direct`: past the page cache."""
        flags = ("direct",) if direct else None
        return self._with("read", on_error, bytes=bytes, offset=offset, flags=flags)

    def write(
        self,
        bytes: Quantity,
        offset: Quantity | None = None,
        *,
        direct: bool = False,
        on_error: str | None = None,
    ) -> Chain:
        """Writes from user memory, as read() reads. A chain that writes cannot send."""
        flags = ("direct",) if direct else None
        return self._with("write", on_error, bytes=bytes, offset=offset, flags=flags)

    def fsync(self, on_error: str | None = None) -> Chain:
        """Waits until what was written is on the device."""
        return self._with("fsync", on_error)

    def sendfile(
        self,
        bytes: Quantity | None = None,
        offset: Quantity | None = None,
        on_error: str | None = None,
    ) -> Chain:
        """Sends file bytes to the client; without `bytes`, the size that open() named.

        Errors: ValueError where neither says how many.
        """
        if bytes is None:
            bytes = self.size
        if bytes is None:
            raise ValueError("sendfile() needs bytes, or a size given to open()")
        return self._with("send", on_error, bytes=bytes, offset=offset)

    def close(self, on_error: str | None = None) -> Chain:
        """Closes the file."""
        return self._with("close", on_error)

    def issued(self, clients: int = 1, repeat: int = 1, interval: str | None = None) -> Chain:
        """By how many clients, how often by each; `interval` between arrivals of a client, or,
        without one, each after the end of the one before."""
        if interval is not None and not isinstance(interval, str):
            raise TypeError("interval: a duration is a string with its unit, such as '200 us'")
        return replace(self, clients=clients, repeat=repeat, interval=interval)

    @property
    def operation(self) -> tuple[object, ...]:
        """What a generator yields: see iodrome.operations. Errors: ValueError."""
        from iodrome.operations import chain_operation

        return chain_operation(self)

    @property
    def name(self) -> str:
        """What messages call it; its ending says that it is a scenario."""
        return "chain.toml"

    def text(self) -> str:
        """The scenario file. Errors: TypeError for quantities without a unit."""
        head = ["[workload]", 'kind = "chain"', "", "[chain]"]
        head += [f"clients = {_toml('clients', self.clients)}"]
        head += [f"repeat = {_toml('repeat', self.repeat)}"]
        if self.interval is not None:
            head += [f"interval = {_toml('interval', self.interval)}"]
        return "\n\n".join(["\n".join(head), *(step.text() for step in self.steps)]) + "\n"


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
        lines.append(f"path = {_toml('path', os.path.abspath(self.path))}")
        if self.load is not None:
            lines.append(f"load = {_toml('load', self.load)}")
        if self.connections is not None:
            lines.append(f"connections = {_toml('connections', self.connections)}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Machine:
    """A machine with some parameters changed. Start one with `io.machine(...)`."""

    base: str
    changes: Mapping[str, str] = field(default_factory=dict)

    def set(self, key: str, value: object) -> Machine:
        """Changes one parameter by its dotted name, e.g. set("costs.context_switch", "2 us")."""
        return replace(self, changes={**self.changes, key: as_setting(key, value)})


def chain() -> Chain:
    """An empty chain: `io.chain().open("/a", size="64 KiB").sendfile().close()`."""
    return Chain()


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
