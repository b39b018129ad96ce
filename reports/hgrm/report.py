# SPDX-License-Identifier: Apache-2.0
"""Percentiles in HdrHistogram's text form.

Source: HdrHistogram, AbstractHistogram.outputPercentileDistribution().
"""

from __future__ import annotations

from iodrome.latency import SUB_BITS, Latency
from iodrome.reports.fio_json.report import deviation
from iodrome.result import Result

_TICKS_PER_HALF = 5


def render(result: Result, command: str | None = None) -> str:
    """A block per design. Units: µs. `command` has no place in this form."""
    several = len(result.runs) > 1
    blocks = []
    for run in result.runs:
        head = f"#[Design = {run.design}]\n" if several else ""
        blocks.append(head + _block(run.latency))
    return "\n".join(blocks)


def _block(latency: Latency) -> str:
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for share in _shares(latency.count):
        value, seen = latency.quantile(share) / 1000, latency.seen(share)
        if share < 1:
            lines.append(f"{value:12.3f} {share:2.12f} {seen:10d} {1 / (1 - share):14.2f}")
        else:
            lines.append(f"{value:12.3f} {share:2.12f} {seen:10d}")
    mean, spread = latency.mean / 1000, deviation(latency) / 1000
    octaves = max(1, len(bin(int(latency.max * 1000))) - 2 - SUB_BITS)
    lines += [
        f"#[Mean    = {mean:12.3f}, StdDeviation   = {spread:12.3f}]",
        f"#[Max     = {latency.max / 1000:12.3f}, Total count    = {latency.count:12d}]",
        f"#[Buckets = {octaves:12d}, SubBuckets     = {1 << SUB_BITS:12d}]",
    ]
    return "\n".join(lines) + "\n"


def _shares(count: int) -> list[float]:
    """Five ticks to each halving of what is left, as far as the requests reach; then 1."""
    found: list[float] = []
    half = 0
    while count and 1 << half <= count:
        left = 1 / (1 << half)
        found += [1 - left + left / 2 * tick / _TICKS_PER_HALF for tick in range(_TICKS_PER_HALF)]
        half += 1
    return [*found, 1.0] if count else []
