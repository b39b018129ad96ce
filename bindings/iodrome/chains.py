# SPDX-License-Identifier: Apache-2.0
"""Chains written in Python: `io.chain().open("/a", size="64 KiB").sendfile().close()`.

A step may use what earlier ones yielded ("$stat.size", "$read.bytes", "$read.total",
"$read.offset"), say what becomes of the chain when it fails, close a loop or wait for named steps
alone. `server.beside(client)` has several kinds of clients. docs/reference/chains.md has the
whole language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, Unpack

from iodrome.rules import Rules
from iodrome.socket_steps import SocketSteps
from iodrome.toml_text import Quantity, as_setting, toml_value


@dataclass(frozen=True)
class Step:
    """One step of a chain, as a scenario's [[chain.step]]."""

    op: str
    keys: tuple[tuple[str, object], ...]

    def text(self) -> str:
        """The step as lines of TOML. Errors: TypeError for quantities without a unit."""
        lines = [f"{key} = {toml_value(f'{self.op}({key})', value)}" for key, value in self.keys]
        return "\n".join(["[[chain.step]]", f'op = "{self.op}"', *lines])


@dataclass(frozen=True)
class Chain(SocketSteps):
    """A chain of steps, issued by clients. Start one with `io.chain()`.

    Order: steps run in the order in which they were added, unless one says `after`. A step uses the
    file that was opened last, or that of the open step called `file`.
    """

    steps: tuple[Step, ...] = ()
    clients: int = 1
    repeat: int = 1
    interval: str | None = None
    copies: int = 1
    deadline: str | None = None
    priority: str | None = None

    def _with(self, op: str, operands: Mapping[str, object], rules: Rules) -> Self:
        """A step more. With an operand `file`, even None, it is one on a file."""
        given = {key: v for key, v in operands.items() if v is not None and key != "file"}
        for key, value in given.items():
            if not isinstance(value, tuple):
                as_setting(f"{op}({key})", value)
            if isinstance(value, bool):
                raise TypeError(f"{op}({key}): {value} is no quantity")
        if "file" in operands:
            given["fd"] = f"${operands['file'] or self._last('open')}.fd"
        taken = any(dict(step.keys).get("name") == op for step in self.steps)
        given["name"] = f"{op}{len(self.steps)}" if taken else op
        given |= {key: tuple(v) if isinstance(v, list) else v for key, v in rules.items()}
        return replace(self, steps=(*self.steps, Step(op, tuple(given.items()))))

    def _last(self, *ops: str) -> str:
        names = [dict(step.keys)["name"] for step in self.steps if step.op in ops]
        return str(names[-1]) if names else ops[0]

    def _size_of(self, file: str) -> Quantity | None:
        for step in self.steps:
            keys = dict(step.keys)
            if step.op == "open" and keys["name"] == file:
                size = keys.get("size")
                return size if isinstance(size, str | int) else None
        return None

    def nop(self, **rules: Unpack[Rules]) -> Chain:
        """A step that does nothing."""
        return self._with("nop", {}, rules)

    def open(
        self,
        path: str,
        size: Quantity | None = None,
        *,
        create: bool = False,
        truncate: bool = False,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Opens a file. `size`: its size in bytes, for steps that go to its end.

        `{request}` in the path is the request's number, `{copy}` that of the set of steps.
        `create`: makes the file; `truncate`: empties it.
        """
        names = (("create", create), ("truncate", truncate))
        flags = tuple(name for name, wanted in names if wanted)
        operands = {"path": path, "size": size, "flags": flags or None}
        return self._with("open", operands, rules)

    def stat(self, *, file: str | None = None, **rules: Unpack[Rules]) -> Chain:
        """Asks for the file's size: "$stat.size" to later steps."""
        return self._with("stat", {"file": file}, rules)

    def read(
        self,
        bytes: Quantity,
        offset: Quantity | None = None,
        *,
        direct: bool = False,
        memory: Quantity | None = None,
        file: str | None = None,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Reads into the chain's memory, from `memory` on; `direct`: past the page cache.

        `offset` may be "random".
        """
        return self._transfer("read", bytes, offset, direct, memory, file, rules)

    def write(
        self,
        bytes: Quantity,
        offset: Quantity | None = None,
        *,
        direct: bool = False,
        memory: Quantity | None = None,
        file: str | None = None,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Writes from the chain's memory, as read() reads. What it writes it cannot send."""
        return self._transfer("write", bytes, offset, direct, memory, file, rules)

    def _transfer(
        self,
        op: str,
        bytes: Quantity,
        offset: Quantity | None,
        direct: bool,
        memory: Quantity | None,
        file: str | None,
        rules: Rules,
    ) -> Chain:
        flags = ("direct",) if direct else None
        operands = {"bytes": bytes, "offset": offset, "flags": flags, "memory": memory}
        return self._with(op, {**operands, "file": file}, rules)

    def fsync(self, *, file: str | None = None, **rules: Unpack[Rules]) -> Chain:
        """Waits until what was written is on the device."""
        return self._with("fsync", {"file": file}, rules)

    def sendfile(
        self,
        bytes: Quantity | None = None,
        offset: Quantity | None = None,
        *,
        file: str | None = None,
        to: str | None = None,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Sends file bytes to the client, or to the socket of the step that `to` names; without
        `bytes`, the size that open() named.

        Errors: ValueError where neither says how many.
        """
        file = file or self._last("open")
        if bytes is None:
            bytes = self._size_of(file)
        if bytes is None:
            raise ValueError("sendfile() needs bytes, or a size given to open()")
        operands = {"bytes": bytes, "offset": offset, "to": None if to is None else f"${to}.fd"}
        return self._with("send", {**operands, "file": file}, rules)

    def close(self, *, file: str | None = None, **rules: Unpack[Rules]) -> Chain:
        """Closes the file, or the socket of the step that `file` names."""
        return self._with("close", {"file": file}, rules)

    def unlink(self, path: str, **rules: Unpack[Rules]) -> Chain:
        """Takes a file's name away."""
        return self._with("unlink", {"path": path}, rules)

    def timeout(self, time: str, **rules: Unpack[Rules]) -> Chain:
        """Waits so long, such as "100 us"."""
        return self._with("timeout", {"time": time}, rules)

    def copy(
        self, bytes: Quantity, source: Quantity, to: Quantity, **rules: Unpack[Rules]
    ) -> Chain:
        """Copies within the chain's memory. Places are whole pages of 4 KiB."""
        return self._with("copy", {"bytes": bytes, "offset": source, "memory": to}, rules)

    def xor(
        self,
        bytes: Quantity,
        sources: int,
        to: Quantity,
        source: Quantity = 0,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Sums blocks of `bytes` that lie one behind the other from `source` on."""
        operands = {"bytes": bytes, "sources": sources, "offset": source, "memory": to}
        return self._with("xor", operands, rules)

    def memset(
        self, bytes: Quantity, value: int = 0, to: Quantity = 0, **rules: Unpack[Rules]
    ) -> Chain:
        """Fills the chain's memory with a byte."""
        return self._with("memset", {"bytes": bytes, "value": value, "memory": to}, rules)

    def crc32c(self, bytes: Quantity, source: Quantity = 0, **rules: Unpack[Rules]) -> Chain:
        """Sums up bytes of the chain's memory; the step's result is the CRC-32C."""
        return self._with("crc32c", {"bytes": bytes, "memory": source}, rules)

    def encrypt(
        self,
        bytes: Quantity,
        source: Quantity,
        to: Quantity,
        *,
        key: int = 0,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Enciphers within the chain's memory by AES-128 in CBC mode, in sectors of 4 KiB.

        `bytes`: whole blocks of 16. `key`: its number, 0 to 255; key n is the bytes n to n + 15.
        """
        return self._cipher("encrypt", bytes, source, to, key, rules)

    def decrypt(
        self,
        bytes: Quantity,
        source: Quantity,
        to: Quantity,
        *,
        key: int = 0,
        **rules: Unpack[Rules],
    ) -> Chain:
        """Deciphers what encrypt() made with the same key of the same number of bytes."""
        return self._cipher("decrypt", bytes, source, to, key, rules)

    def _cipher(
        self, op: str, bytes: Quantity, source: Quantity, to: Quantity, key: int, rules: Rules
    ) -> Chain:
        operands = {"bytes": bytes, "offset": source, "memory": to, "key": key or None}
        return self._with(op, operands, rules)

    def hash(
        self, bytes: Quantity, source: Quantity, to: Quantity, **rules: Unpack[Rules]
    ) -> Chain:
        """Writes the SHA-256 of bytes of the chain's memory, 32 bytes, to another place in it."""
        return self._with("hash", {"bytes": bytes, "offset": source, "memory": to}, rules)

    def issued(
        self,
        clients: int = 1,
        repeat: int = 1,
        interval: str | None = None,
        *,
        copies: int = 1,
        deadline: str | None = None,
        priority: str | None = None,
    ) -> Chain:
        """By how many clients, how often by each; `interval` between arrivals of a client, or,
        without one, each after the end of the one before. `copies`: sets of steps in a chain.
        `deadline`: how long each has from its arrival on; then it fails with ETIME. `priority`:
        "rt/0" to "rt/7", "be/0" to "be/7" or "idle"; without one, be/4. Errors: TypeError."""
        for name, time in (("interval", interval), ("deadline", deadline)):
            if time is not None and not isinstance(time, str):
                raise TypeError(f"{name}: a duration is a string with its unit, such as '200 us'")
        if priority is not None and not isinstance(priority, str):
            raise TypeError("priority: it is a string, such as 'rt/0', 'be/4' or 'idle'")
        return replace(
            self,
            clients=clients,
            repeat=repeat,
            interval=interval,
            copies=copies,
            deadline=deadline,
            priority=priority,
        )

    def beside(self, *others: Chain) -> Chains:
        """Chains of several kinds in one scenario, such as a server's and a client's. Errors:
        ValueError for none, TypeError for what is no chain."""
        if not others:
            raise ValueError("beside() needs at least one other chain")
        for other in others:
            if not isinstance(other, Chain):
                raise TypeError(f"beside() takes what io.chain() begins, not {other!r}")
        return Chains((self, *others))

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
        return "\n\n".join(['[workload]\nkind = "chain"', *self._part("[chain]")]) + "\n"

    def _part(self, header: str) -> list[str]:
        head = [header, f"clients = {toml_value('clients', self.clients)}"]
        head += [f"repeat = {toml_value('repeat', self.repeat)}"]
        if self.copies != 1:
            head += [f"copies = {toml_value('copies', self.copies)}"]
        for name, given in (
            ("interval", self.interval),
            ("deadline", self.deadline),
            ("priority", self.priority),
        ):
            if given is not None:
                head += [f"{name} = {toml_value(name, given)}"]
        return ["\n".join(head), *(step.text() for step in self.steps)]


@dataclass(frozen=True)
class Chains:
    """Several kinds of chains in one scenario, each with its own clients: Chain.beside()."""

    parts: tuple[Chain, ...]

    @property
    def name(self) -> str:
        """As of a chain."""
        return "chain.toml"

    def text(self) -> str:
        """The scenario file. Errors: TypeError for quantities without a unit."""
        parts = [text for part in self.parts for text in part._part("[[chain]]")]
        return "\n\n".join(['[workload]\nkind = "chain"', *parts]) + "\n"


def chain() -> Chain:
    """An empty chain: `io.chain().open("/a", size="64 KiB").sendfile().close()`."""
    return Chain()
