# SPDX-License-Identifier: Apache-2.0
"""Latencies of a run, as the histogram that every percentile comes from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, overload

from iodrome import quantities

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

SUB_BITS = 9  # as in model/metrics/latency_histogram.h


def last_of_bin(index: int) -> int:
    """The largest latency that falls into a bin. Units: ps."""
    if index < 1 << SUB_BITS:
        return index
    shift = (index >> SUB_BITS) - 1
    mantissa = (index & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS)
    return ((mantissa + 1) << shift) - 1


class Latency:
    """Latencies of all requests of a run. All values are in nanoseconds."""

    def __init__(self, summary: Mapping[str, float], bins: Sequence[tuple[int, int]]) -> None:
        self._summary = summary
        self._ends = [last_of_bin(index) for index, _ in bins]
        self._counts = [count for _, count in bins]
        self._seen = list(accumulate(self._counts))

    @property
    def mean(self) -> float:
        """The mean of all requests, exact. Units: ns."""
        return self._summary["mean"]

    @property
    def max(self) -> float:
        """The longest, exact. Units: ns."""
        return self._summary["max"]

    @property
    def count(self) -> int:
        """How many requests the histogram holds."""
        return self._seen[-1] if self._seen else 0

    @property
    def bins(self) -> list[tuple[float, int]]:
        """(largest latency of the bin in ns, requests in it), in rising order."""
        return [(end / 1000, count) for end, count in zip(self._ends, self._counts, strict=True)]

    @overload
    def quantile(self, q: float) -> float: ...
    @overload
    def quantile(self, q: Sequence[float]) -> NDArray[float64]: ...
    def quantile(self, q: float | Sequence[float]) -> float | NDArray[float64]:
        """The latency that a share `q` (0 to 1) of the requests does not exceed, in ns.

        One number gives a float, several give an array. At most 0.2 % above the true value; the
        maximum (1) is exact. Equal to the percentiles of the JSON.

        Errors: ValueError for a share outside 0 to 1, and for a run without requests.
        """
        if isinstance(q, int | float):
            return self._quantile(float(q))
        import numpy

        return numpy.array([self._quantile(float(share)) for share in q])

    def seen(self, q: float) -> int:
        """How many requests the bins up to that quantile hold. Errors: as quantile()."""
        return self._seen[self._place(q)]

    def _quantile(self, share: float) -> float:
        return min(self.max, self._ends[self._place(share)] / 1000)

    def _place(self, share: float) -> int:
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile is a share from 0 to 1, not {share}")
        if not self._seen:
            raise ValueError("there is no quantile of no requests")
        ppm = round(share * 1_000_000)
        rank = max(1, -(-self.count * ppm // 1_000_000))
        return bisect_left(self._seen, rank)

    def __repr__(self) -> str:
        parts = [f"{name} {quantities.duration(value)}" for name, value in self._summary.items()]
        return f"<Latency of {self.count:,} requests: {', '.join(parts)}>"
