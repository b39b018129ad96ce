# SPDX-License-Identifier: Apache-2.0
"""A baseline and its file: TOML that is read in reviews, one figure a line, keys in fixed order."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iodrome.baselines import figures
from iodrome.baselines.experiment import Experiment
from iodrome.baselines.figures import Figures
from iodrome.baselines.tolerance import Tolerance
from iodrome.files import write_atomically
from iodrome.result import Result

FORMAT = 1
_HEAD = """\
# Made in this folder by: {command}
# Times are picoseconds; stages and CPU time are sums over all requests; costs are [uses, time in
# all]; what is not named is 0. A check wants every figure as it is here, but for what [tolerance]
# allows, as in "latency.p99" = "2%".
"""


@dataclass(frozen=True)
class Baseline:
    """The figures of a race. `experiment` is None where a test made the race."""

    name: str
    experiment: Experiment | None
    test: str | None
    conditions: Mapping[str, Any]  # scenario, machine, seed, workload: what the figures belong to
    tolerance: Tolerance
    runs: Mapping[str, Figures]

    @classmethod
    def of(
        cls,
        name: str,
        result: Result,
        experiment: Experiment | None = None,
        test: str | None = None,
        tolerance: Tolerance | None = None,
    ) -> Baseline:
        """The baseline that a result gives."""
        runs = {run.design: figures.of_run(run) for run in result.runs}
        return cls(name, experiment, test, conditions(result), tolerance or Tolerance(), runs)

    def with_tolerance(self, more: Tolerance) -> Baseline:
        """The same with more tolerances, which count before those it has."""
        return replace(self, tolerance=self.tolerance + more)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes `<folder>/<name>.toml`, whole or not at all. Errors: OSError."""
        path = path_of(folder, self.name)
        write_atomically(path, self.text(folder))
        return path

    def text(self, folder: str | os.PathLike[str]) -> str:
        """The file's text for this folder: paths in it start there."""
        made_by, origin = f"pytest {self.test} --iodrome-record", {"test": self.test}
        if self.experiment is not None:
            seen = self.experiment.seen_from(folder)
            made_by, origin = seen.record("."), seen.to_table()
        table = {
            "format": FORMAT,
            "experiment": origin,
            "conditions": self.conditions,
            "tolerance": self.tolerance.texts,
            "runs": {design: figures.to_table(run) for design, run in self.runs.items()},
        }
        # A comment is one line of printable characters.
        command = "".join(letter if letter.isprintable() else "?" for letter in made_by)
        return _HEAD.format(command=command) + "\n".join(_lines(table, ())) + "\n"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Baseline:
        """Reads what save() wrote. Errors: OSError; ValueError with the reason."""
        place = Path(path)
        table = tomllib.loads(place.read_text(encoding="utf-8"))
        if table.get("format") != FORMAT:
            raise ValueError(f"it is no baseline: format is not {FORMAT}")
        for key in ("experiment", "conditions", "runs"):
            if not isinstance(table.get(key), dict) or not table[key]:
                raise ValueError(f"it is no baseline: [{key}] is missing")
        origin = table["experiment"]
        experiment = None
        if "test" not in origin:
            experiment = Experiment.from_table(origin).brought_from(place.parent)
        runs = {}
        for design, run in table["runs"].items():
            try:
                runs[design] = figures.from_table(run)
            except (ValueError, AttributeError) as error:
                raise ValueError(f"[runs.{design}]: {error}") from None
        tolerance = Tolerance(table.get("tolerance", {}))
        unknown = tolerance.unknown((design, name) for design, run in runs.items() for name in run)
        if unknown:
            raise ValueError(f"[tolerance]: {unknown}")
        name = place.name.removesuffix(".toml")
        conditions = table["conditions"]
        return cls(name, experiment, origin.get("test"), conditions, tolerance, runs)


def path_of(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the baseline of that name lies in a folder."""
    return Path(folder) / f"{name}.toml"


def conditions(result: Result) -> dict[str, Any]:
    """What a result says of its own input, without what no input has."""
    found = {key: result.data.get(key) for key in ("scenario", "machine", "seed", "workload")}
    return {key: value for key, value in found.items() if value is not None}


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _lines(table: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """A table: its own values first, as TOML wants it, then the tables in it."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"[{'.'.join(map(_key, path))}]"] if path and plain else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if key not in plain and value:
            lines += ["", *_lines(value, [*path, key])]
    return [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        if any(isinstance(each, Mapping) for each in value):
            return "[\n" + "".join(f"  {_value(each)},\n" for each in value) + "]"
        return "[" + ", ".join(map(_value, value)) + "]"
    # JSON's strings, numbers and truths are TOML's but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
