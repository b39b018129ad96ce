# SPDX-License-Identifier: Apache-2.0
"""How sure a difference between two runs is: intervals from sums over blocks of requests, and
from histograms.

Requests of one run are not independent of one another: a slow device or a full queue holds many of
them up. Sums over long stretches of requests nearly are (batch means).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iodrome.comparison.student import rank_bounds, t_quantile
from iodrome.latency import Latency

LEVEL = 0.95
BATCHES = 25
FEWEST_BATCHES = 5  # with fewer, the spread of their means says next to nothing


@dataclass(frozen=True)
class Interval:
    """Where the true difference lies with 95 %, in the metric's unit, and how that is known."""

    low: float
    high: float
    source: str
    paired: bool = False


@dataclass(frozen=True)
class Blocks:
    """Sums over blocks of `size` consecutive request numbers. Units: picoseconds."""

    size: int
    counts: Sequence[int]
    totals: Sequence[int]

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> Blocks | None:
        """The blocks of a run; None if its result has none."""
        raw = run.get("latency_blocks")
        if not raw or not raw.get("size") or len(raw["count"]) != len(raw["total_ps"]):
            return None
        return cls(raw["size"], raw["count"], raw["total_ps"])

    def folded(self, size: int) -> Blocks | None:
        """The same over longer blocks; None if `size` is no multiple of this one's."""
        step, rest = divmod(size, self.size)
        if rest:
            return None
        starts = range(0, len(self.counts), step)
        return Blocks(
            size,
            [sum(self.counts[start : start + step]) for start in starts],
            [sum(self.totals[start : start + step]) for start in starts],
        )

    def batches(self) -> list[tuple[int, float]]:
        """(requests, sum of latencies in ns) of at most BATCHES neighbouring stretches of nearly
        equal length; a stretch without requests is left out."""
        blocks = len(self.counts)
        groups = min(BATCHES, blocks)
        cuts = [blocks * group // groups for group in range(groups + 1)] if groups else [0]
        sums = [
            (sum(self.counts[start:end]), sum(self.totals[start:end]) / 1000)
            for start, end in zip(cuts, cuts[1:], strict=False)
        ]
        return [(count, total) for count, total in sums if count]


def matched(old: Blocks, new: Blocks) -> tuple[Blocks, Blocks] | None:
    """Both with blocks of one size that hold equally many requests; None if there are none."""
    size = max(old.size, new.size)
    left, right = old.folded(size), new.folded(size)
    if left is None or right is None or list(left.counts) != list(right.counts):
        return None
    return left, right


@dataclass(frozen=True)
class Estimate:
    """A mean in ns with its variance, from `batches` batches. Where neighbouring batches are alike
    (not `steady`), they count as fewer than they are."""

    mean: float
    variance: float
    freedom: int
    batches: int
    steady: bool


def estimate(batches: Sequence[tuple[int, float]]) -> Estimate | None:
    """The mean over batches of (requests, sum), weighted by requests; None for too few batches, or
    too few independent ones: a run that drifts from end to end says nothing of the next."""
    if len(batches) < FEWEST_BATCHES:
        return None
    requests = sum(count for count, _ in batches)
    mean = sum(total for _, total in batches) / requests
    offsets = [total / count - mean for count, total in batches]
    weights = [count / requests for count, _ in batches]
    m = len(batches)
    squares = sum((w * offset) ** 2 for w, offset in zip(weights, offsets, strict=True))
    alike = _correlation(offsets)
    if alike <= 2 / math.sqrt(m):  # two standard errors
        return Estimate(mean, squares * m / (m - 1), m - 1, m, True)
    # As many as independent batches would tell, if likeness fades evenly (a first-order chain).
    fewer = m * (1 - alike) / (1 + alike)
    if fewer < FEWEST_BATCHES:
        return None
    return Estimate(mean, squares * m / (fewer - 1), int(fewer) - 1, m, False)


def _correlation(offsets: Sequence[float]) -> float:
    """Of neighbours, corrected for what taking off the mean hides."""
    spread = sum(offset * offset for offset in offsets)
    products = sum(a * b for a, b in zip(offsets, offsets[1:], strict=False))
    return min(0.95, products / spread + 1 / len(offsets)) if spread else 0.0


def paired_differences(old: Blocks, new: Blocks) -> Estimate | None:
    """New less old over matched blocks: what is common to both cancels out."""
    pairs = zip(old.batches(), new.batches(), strict=True)
    return estimate([(count, after - before) for (count, before), (_, after) in pairs])


def paired_interval(difference: Estimate) -> Interval:
    """Student's interval of a mean difference of matched blocks. Units: the estimate's."""
    half = t_quantile(LEVEL, difference.freedom) * math.sqrt(difference.variance)
    source = f"{difference.batches} paired batches"
    return Interval(difference.mean - half, difference.mean + half, source, paired=True)


def unpaired_interval(old: Estimate, new: Estimate) -> Interval:
    """Welch's interval of the difference of two means."""
    middle, variance = new.mean - old.mean, old.variance + new.variance
    parts = [each.variance**2 / each.freedom for each in (old, new)]
    freedom = int(variance**2 / sum(parts)) if sum(parts) else old.freedom + new.freedom
    half = t_quantile(LEVEL, max(1, freedom)) * math.sqrt(variance)
    source = f"{old.batches} and {new.batches} unpaired batches"
    return Interval(middle - half, middle + half, source)


def percentile_interval(
    old: Latency, new: Latency, share: float, blocks: tuple[Blocks | None, Blocks | None]
) -> Interval | None:
    """Of the difference of two percentiles: from bounds on either, each with 97.5 %. Unpaired, so
    rather too wide. None where a run has too few requests beyond its percentile."""
    bounds = []
    for latency, sums in zip((old, new), blocks, strict=True):
        count = independent_requests(latency, sums)
        ranks = rank_bounds(count, share, (1 + LEVEL) / 2) if count else None
        if ranks is None:
            return None
        bounds.append([latency.quantile(rank / count) for rank in ranks])
    (old_low, old_high), (new_low, new_high) = bounds
    return Interval(new_low - old_high, new_high - old_low, "order statistics, unpaired")


def independent_requests(latency: Latency, blocks: Blocks | None) -> int:
    """How many independent requests would tell the mean as well as these do; 0 if unknown. A run
    in which slow requests come in bunches tells less than it has requests."""
    batches = estimate(blocks.batches()) if blocks else None
    if batches is None or not latency.count:
        return 0
    squares = sum(count * (value - batches.mean) ** 2 for value, count in latency.bins)
    variance_if_independent = squares / latency.count**2
    if batches.variance <= variance_if_independent:
        return latency.count
    return max(1, int(latency.count * variance_if_independent / batches.variance))
