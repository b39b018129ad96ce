# SPDX-License-Identifier: Apache-2.0
"""How a recorded race is made again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iodrome.result import Result

Settings = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Experiment:
    """What `iodrome run` is given. Paths are as the working directory sees them."""

    input: str
    kind: str | None = None
    designs: Sequence[str] | None = None
    machine: str | None = None
    seed: int | None = None
    skip_bad: int | None = None
    set: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        designs: Sequence[str] | None = None,
        extra: Settings = (),
        progress: Callable[[dict[str, Any]], object] | None = None,
    ) -> Result:
        """Runs it, with `designs` in the place of its own. Errors: as iodrome.run()."""
        from iodrome import simulator

        return simulator.run(
            self.input,
            self.designs if designs is None else designs,
            kind=self.kind,
            machine=self.machine,
            seed=self.seed,
            skip_bad=self.skip_bad,
            set=[*self.set.items(), *extra],
            keep_requests=False,
            progress=progress,
        )

    def words(self, extra: Settings = ()) -> list[str]:
        """Input and options for the command line."""
        words = [self.input]
        if self.kind is not None:
            words += ["--kind", self.kind]
        if self.designs is not None:
            words += ["--design", ",".join(self.designs)]
        if self.machine is not None:
            words += ["--machine", self.machine]
        if self.seed is not None:
            words += ["--seed", str(self.seed)]
        if self.skip_bad is not None:
            words += ["--skip-bad", str(self.skip_bad)]
        for key, value in [*self.set.items(), *extra]:
            words += ["--set", f"{key}={value}"]
        return words

    def replay(self, design: str, extra: Settings = ()) -> str:
        """The command that repeats one design's run."""
        return shlex.join(["iodrome", "run", *replace(self, designs=[design]).words(extra)])

    def record(self, folder: str | os.PathLike[str]) -> str:
        """The command that records it."""
        return shlex.join(["iodrome", "baseline", "record", *self.words(), "--dir", str(folder)])

    def seen_from(self, folder: str | os.PathLike[str]) -> Experiment:
        """The same for a reader who stands in `folder`, as a baseline's file has it."""
        return self._moved(lambda path: os.path.relpath(path, folder))

    def brought_from(self, folder: str | os.PathLike[str]) -> Experiment:
        """What seen_from() made, for the working directory again."""
        return self._moved(lambda path: os.path.normpath(os.path.join(folder, path)))

    def _moved(self, move: Callable[[str], str]) -> Experiment:
        machine = self.machine
        # The simulator's own rule of what is a file and what a name.
        if machine is not None and ("/" in machine or machine.endswith(".toml")):
            machine = Path(move(machine)).as_posix()
            machine = machine if "/" in machine else f"./{machine}"
        return replace(self, input=Path(move(self.input)).as_posix(), machine=machine)

    def to_table(self) -> dict[str, Any]:
        """Only what was given, in a fixed order."""
        given: dict[str, Any] = {"input": self.input}
        for key in ("kind", "designs", "machine", "seed", "skip_bad"):
            value = getattr(self, key)
            if value is not None:
                given[key] = list(value) if key == "designs" else value
        if self.set:
            given["set"] = dict(self.set)
        return given

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Experiment:
        """Errors: ValueError for an unknown key or a value of the wrong type."""
        types: dict[str, Callable[[Any], bool]] = {
            "input": _is_text, "kind": _is_text, "machine": _is_text,
            "seed": _is_count, "skip_bad": _is_count, "designs": _are_texts,
            "set": lambda value: isinstance(value, dict) and _are_texts(list(value.values())),
        }  # fmt: skip
        for key, value in table.items():
            if key not in types:
                raise ValueError(f"[experiment] has an unknown key '{key}'; it may have "
                                 f"{', '.join(types)}")  # fmt: skip
            if not types[key](value):
                raise ValueError(f"[experiment] {key} is not what belongs there: {value!r}")
        if "input" not in table:
            raise ValueError("[experiment] names no input")
        return cls(**table)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def baseline_name(path: str | os.PathLike[str]) -> str:
    """A baseline is called like its input, less the `.toml` of a scenario."""
    return Path(path).name.removesuffix(".toml")


def twice(names: Iterable[str]) -> str | None:
    """The first name that comes a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
