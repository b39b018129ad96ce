# SPDX-License-Identifier: Apache-2.0
"""What a race returned: the data, and ways to look at it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from iodrome.files import write_atomically
from iodrome.latency import Latency
from iodrome.result_form import why_no_result

if TYPE_CHECKING:
    import pandas

    from iodrome.requests import Requests
    from iodrome.simulator import Race


class Run(Mapping[str, Any]):
    """One design's run: the keys of docs/result.md, and its latencies and requests."""

    def __init__(self, data: dict[str, Any], requests: Requests | None = None) -> None:
        self.data = data
        self._requests = requests

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def design(self) -> str:
        """The name of the design that ran."""
        name: str = self.data["design"]
        return name

    @property
    def latency(self) -> Latency:
        """Latencies of all requests, in nanoseconds."""
        return Latency(self.data["latency_ns"], self.data.get("latency_bins", []))

    @property
    def requests(self) -> Requests:
        """A row per request.

        Errors: ValueError if the run kept none (`keep_requests=False`, or read from a file).
        """
        if self._requests is None:
            raise ValueError(
                f"the run of '{self.design}' kept no rows per request: a result read from a file "
                "has none, and run() keeps them unless keep_requests=False"
            )
        return self._requests

    def to_pandas(self) -> pandas.DataFrame:
        """A row per request; see Requests.to_pandas()."""
        return self.requests.to_pandas()

    def __repr__(self) -> str:
        return f"<Run of {self.design}: {self.data['requests']:,} requests, {self.latency!r}>"


class Runs(Sequence[Run]):
    """The runs in the order of their designs; `runs["io_uring"]` or `runs[0]`."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = list(runs)

    @overload
    def __getitem__(self, which: str | int) -> Run: ...
    @overload
    def __getitem__(self, which: slice) -> Runs: ...
    def __getitem__(self, which: str | int | slice) -> Run | Runs:
        if isinstance(which, slice):
            return Runs(self._runs[which])
        if isinstance(which, int):
            return self._runs[which]
        for run in self._runs:
            if run.design == which:
                return run
        raise KeyError(f"no run of '{which}'; there are {', '.join(self.designs)}")

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, which: object) -> bool:
        return which in self._runs or which in self.designs

    @property
    def designs(self) -> list[str]:
        """Names of the designs. Order: of the runs."""
        return [run.design for run in self._runs]

    def __repr__(self) -> str:
        return f"<Runs of {', '.join(self.designs)}>"


class Result:
    """The result of one race: `result["seed"]` and the other keys of the JSON, `result.runs`, and
    the reports. It shows itself as the table."""

    def __init__(
        self,
        data: dict[str, Any],
        text: str | None = None,
        requests: Sequence[Requests] = (),
        race: Race | None = None,
    ) -> None:
        self.data = data
        self._text = text
        self._race = race
        rows: list[Requests | None] = [*requests] or [None] * len(data["runs"])
        self.runs = Runs([Run(run, kept) for run, kept in zip(data["runs"], rows, strict=True)])

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Errors: ValueError if it is not the JSON of a result."""
        try:
            data = json.loads(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        wrong = why_no_result(data)
        if wrong:
            raise ValueError(wrong)
        return cls(data, text)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Result:
        """Reads what save() wrote. Errors: OSError; ValueError as from_json()."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __repr__(self) -> str:
        from iodrome import reports

        return reports.view("terminal", self)

    def _repr_html_(self) -> str:
        from iodrome import reports

        return reports.view("notebook", self)

    @property
    def designs(self) -> list[str]:
        """Names of the designs that raced. Order: as asked for; the first is the reference."""
        return self.runs.designs

    def to_json(self) -> str:
        """The result as JSON text, as the simulator wrote it; its keys are those of
        docs/result.md."""
        return self._text if self._text is not None else json.dumps(self.data, indent=1)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows of all runs' requests, with a column `design`.

        Errors: ValueError if they were not kept; ImportError without pandas.
        """
        import pandas

        frames = {run.design: run.to_pandas() for run in self.runs}
        frame = pandas.concat(frames, names=["design"]).reset_index(level="design")
        frame["design"] = pandas.Categorical(frame["design"], categories=self.designs)
        return frame.reset_index(drop=True)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the JSON, whole or not at all."""
        write_atomically(path, self.to_json().rstrip("\n") + "\n")

    def timeline(self, path: str | PathLike[str]) -> None:
        """Writes what happened when, by its ending: `.pftrace` (Perfetto), `.ftrace` (text), `.vcd`
        (signals). Nothing of it was kept, so the same race runs once more.

        Errors: ValueError for a result that was read from a file; as run().
        """
        if self._race is None:
            raise ValueError("a result that was read from a file cannot be run again")
        self._race.record(path)

    def report(self, path: str | PathLike[str], command: str | None = None) -> None:
        """Writes the report that the file name's ending asks for, such as `.html`.

        Errors: ValueError for an ending that no report has; OSError.
        """
        from iodrome import reports

        write_atomically(path, reports.render(reports.name_for(path), self, command))
