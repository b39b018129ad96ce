# SPDX-License-Identifier: Apache-2.0
"""Steps of a chain on sockets, on readiness and on watched directories.

A socket that a step made goes by that step's name; `socket=` names another than the last one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self, Unpack

from iodrome.rules import Rules
from iodrome.toml_text import Quantity


class SocketSteps(ABC):
    """What a Chain can do besides files and memory."""

    @abstractmethod
    def _with(self, op: str, operands: Mapping[str, object], rules: Rules) -> Self: ...

    @abstractmethod
    def _last(self, *ops: str) -> str:
        """The name of the last step with one of these operations, or the first of these."""

    def accept(self, port: int, **rules: Unpack[Rules]) -> Self:
        """Takes the connection that has waited longest at the machine's own port, 1 to 65535."""
        return self._with("accept", {"port": port}, rules)

    def connect(self, port: int, **rules: Unpack[Rules]) -> Self:
        """Makes a socket and connects it to a port of the machine, 1 to 65535."""
        return self._with("connect", {"port": port}, rules)

    def receive(
        self,
        bytes: Quantity,
        *,
        memory: Quantity | None = None,
        socket: str | None = None,
        **rules: Unpack[Rules],
    ) -> Self:
        """Copies what has come into the chain's memory, from `memory` on: "$receive.bytes".

        It ends with what is there; on_short="resume" goes on until it has all, or the stream ends.
        """
        operands = {"fd": self._socket(socket), "bytes": bytes, "memory": memory}
        return self._with("receive", operands, rules)

    def send(
        self,
        bytes: Quantity,
        *,
        memory: Quantity | None = None,
        socket: str | None = None,
        **rules: Unpack[Rules],
    ) -> Self:
        """Sends bytes of the chain's memory, from `memory` on, to a socket; waits until all are
        taken. Of a file: sendfile()."""
        operands = {"to": self._socket(socket), "bytes": bytes, "memory": memory}
        return self._with("send", operands, rules)

    def poll(self, *events: str, socket: str | None = None, **rules: Unpack[Rules]) -> Self:
        """Waits until one of "in" and "out" holds, or an error or a hang-up."""
        return self._with("poll", {"fd": self._socket(socket), "events": events or None}, rules)

    def inotify(
        self, path: str, *events: str, memory: Quantity | None = None, **rules: Unpack[Rules]
    ) -> Self:
        """Waits for an event of a directory: "$inotify.name" is a path of open() and unlink().

        `events` are "close_write" and "moved_to" unless given.
        """
        operands = {"path": path, "events": events or None, "memory": memory}
        return self._with("inotify", operands, rules)

    def _socket(self, name: str | None) -> str:
        return f"${name or self._last('accept', 'connect')}.fd"
