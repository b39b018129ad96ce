# SPDX-License-Identifier: Apache-2.0
"""Every request of a run, in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas
    from numpy import int32, int64, uint8, uint64
    from numpy.typing import NDArray

OPS = ("nop", "open", "stat", "read", "send", "close", "write", "fsync")
TIMES = ("arrival", "submit", "issue", "dispatch", "complete", "reap")


class Requests:
    """Requests in the order in which they ended, as read-only NumPy arrays over the simulator's own
    memory: nothing is copied.

    Shape: every column is one-dimensional, one entry per request.
    Units: times are picoseconds since the workload's start; -1 where a request never came so far.
    """

    request: NDArray[uint64]  #: number of the request, the same for every design
    op: NDArray[uint8]  #: index into OPS: the step that moves bytes, else the first
    bytes: NDArray[uint64]  #: payload that reached its destination
    error: NDArray[int32]  #: errno of the first error, 0 if none
    cpu: NDArray[int32]  #: CPU on which the application accounted for the end
    arrival: NDArray[int64]  #: when it was meant to start
    submit: NDArray[int64]  #: when the application turned to it
    issue: NDArray[int64]  #: when the design's kernel side began with it
    dispatch: NDArray[int64]  #: when the storage first got a command for it
    complete: NDArray[int64]  #: when its last result could be seen by the application
    reap: NDArray[int64]  #: when the application had accounted for it

    def __init__(self, columns: dict[str, NDArray[int64]]) -> None:
        self._columns = columns
        for name, column in columns.items():
            setattr(self, name, column)

    @property
    def latency(self) -> NDArray[int64]:
        """From the intended arrival to the end, in picoseconds."""
        return self.reap - self.arrival

    @property
    def columns(self) -> dict[str, NDArray[int64]]:
        """The columns by name."""
        return dict(self._columns)

    def __len__(self) -> int:
        return len(self.request)

    def to_pandas(self) -> pandas.DataFrame:
        """A frame with a row per request: `op` by name, times as Timedelta (whole nanoseconds) with
        NaT where never reached, `latency_ns` with its picoseconds.

        Errors: ImportError without pandas (the extra `iodrome[pandas]`).
        """
        import numpy
        import pandas

        frame = pandas.DataFrame(
            {name: self._columns[name] for name in ("request", "bytes", "error", "cpu")}
        )
        ops = pandas.Categorical.from_codes(self.op.astype("int64"), categories=pandas.Index(OPS))
        frame.insert(1, "op", pandas.Series(ops))
        for name in TIMES:
            column = self._columns[name]
            stamps = (column // 1000).astype("timedelta64[ns]")
            stamps[column < 0] = numpy.timedelta64("NaT")
            frame[name] = stamps
        frame["latency_ns"] = self.latency / 1000
        return frame

    def __repr__(self) -> str:
        return f"<Requests: {len(self):,} rows of {', '.join(self._columns)}>"
