# SPDX-License-Identifier: Apache-2.0
"""Intervals against known quantiles and against synthetic runs whose true change is known."""

import math
from collections import Counter

import numpy
import pytest

from iodrome.comparison import intervals
from iodrome.comparison.intervals import Blocks
from iodrome.comparison.student import rank_bounds, t_quantile
from iodrome.latency import Latency, last_of_bin

PAIRS = 1200
REQUESTS = 8192
BLOCK = 64
_MEMORY = 100  # requests after which nothing is left of the noise
CHANGE_NS = 400.0


@pytest.mark.parametrize(
    ("level", "freedom", "value"),
    [
        (0.95, 1, 12.706205),
        (0.95, 2, 4.302653),
        (0.95, 5, 2.570582),
        (0.99, 10, 3.169273),
        (0.95, 24, 2.063899),
        (0.9, 29, 1.699127),
        (0.95, 120, 1.979930),
        (0.95, 100_000, 1.959988),
    ],
)
def test_student_s_quantiles_are_those_of_the_tables(level, freedom, value):
    assert t_quantile(level, freedom) == pytest.approx(value, abs=1e-6)


def test_student_s_quantile_refuses_what_has_none():
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(1, 3)
    with pytest.raises(ValueError, match="degrees of freedom"):
        t_quantile(0.95, 0)


def test_ranks_around_a_quantile_are_those_of_the_binomial_table():
    assert rank_bounds(100, 0.5, 0.95) == (40, 61)
    assert rank_bounds(10, 0.5, 0.95) == (2, 9)
    assert rank_bounds(100, 0.99, 0.95) is None  # the largest of 100 does not bound it
    low, high = rank_bounds(1_000_000, 0.999, 0.95)
    half = 1.959964 * math.sqrt(1_000_000 * 0.999 * 0.001)
    assert (999_000 - low, high - 999_000) == (pytest.approx(half, abs=2),) * 2


def blocks_of(latencies, size: int = BLOCK) -> Blocks:
    """Latencies in ns as a run's blocks have them."""
    starts = range(0, len(latencies), size)
    counts = [len(latencies[start : start + size]) for start in starts]
    ps = (latencies * 1000).astype(int)
    return Blocks(size, counts, [int(ps[start : start + size].sum()) for start in starts])


def correlated(random, spread: float, memory: float) -> numpy.ndarray:
    """Noise in which neighbours are alike: what a queue does to requests."""
    weights = memory ** numpy.arange(_MEMORY)
    noise = numpy.convolve(random.normal(0, spread, REQUESTS + _MEMORY - 1), weights, "valid")
    return noise / math.sqrt((weights**2).sum())


def run_pair(seed: int):
    """Two runs over the same requests: most of their noise is common."""
    random = numpy.random.default_rng(seed)
    common = 20_000 + correlated(random, 5_000, 0.9) + random.exponential(8_000, REQUESTS)
    old = common + correlated(random, 1_000, 0.5)
    return old, common + correlated(random, 1_000, 0.5) + CHANGE_NS


@pytest.fixture(scope="module")
def pairs():
    return [tuple(map(blocks_of, run_pair(seed))) for seed in range(PAIRS)]


def paired(old: Blocks, new: Blocks):
    return intervals.paired_interval(intervals.paired_differences(old, new))


def unpaired(old: Blocks, new: Blocks):
    estimates = (intervals.estimate(side.batches()) for side in (old, new))
    return intervals.unpaired_interval(*estimates)


def covered(found) -> float:
    return sum(each.low <= CHANGE_NS <= each.high for each in found) / len(found)


def test_paired_intervals_hold_the_true_change_95_times_in_100(pairs):
    assert covered([paired(*pair) for pair in pairs]) == pytest.approx(0.95, abs=0.017)


def test_unpaired_intervals_hold_it_where_the_runs_share_nothing(pairs):
    apart = [(pairs[i][0], pairs[i + 1][1]) for i in range(0, PAIRS - 1)]
    assert covered([unpaired(*pair) for pair in apart]) == pytest.approx(0.95, abs=0.02)


def test_pairing_shrinks_the_interval(pairs):
    def width(interval):
        return interval.high - interval.low

    ratios = [width(paired(*pair)) / width(unpaired(*pair)) for pair in pairs[:100]]
    assert max(ratios) < 0.5
    assert numpy.mean(ratios) < 0.2


def test_constant_differences_leave_no_doubt():
    old, _ = run_pair(1)
    found = paired(blocks_of(old), blocks_of(old + 250))
    assert (found.low, found.high) == (pytest.approx(250, abs=0.1),) * 2


def test_the_finer_blocks_are_folded_into_the_coarser():
    old, new = run_pair(2)
    fine, coarse = blocks_of(old, 64), blocks_of(new, 256)
    left, right = intervals.matched(fine, coarse)
    assert left == blocks_of(old, 256) and right == coarse
    assert intervals.matched(coarse, fine) == (coarse, blocks_of(old, 256))
    assert intervals.matched(fine, blocks_of(new[:-1], 64)) is None  # another set of requests
    assert intervals.matched(fine, blocks_of(new, 96)) is None  # no common size


def test_batches_are_few_and_keep_every_request():
    old, _ = run_pair(3)
    batches = blocks_of(old).batches()
    assert len(batches) == 25
    assert sum(count for count, _ in batches) == REQUESTS
    assert sum(total for _, total in batches) == pytest.approx(old.sum(), rel=1e-6)
    assert intervals.estimate(blocks_of(old[: 4 * BLOCK]).batches()) is None


def test_batches_that_depend_on_one_another_are_noticed():
    random = numpy.random.default_rng(4)
    steady = intervals.estimate(blocks_of(random.normal(1e4, 10, REQUESTS)).batches())
    bunched = random.normal(1e4, 10, REQUESTS + 999)
    bunched = numpy.convolve(bunched, numpy.ones(1000), "valid")  # a bad time lasts three batches
    alike = intervals.estimate(blocks_of(bunched).batches())
    drifting = blocks_of(numpy.linspace(1e4, 2e4, REQUESTS)).batches()
    assert steady.steady and not alike.steady
    assert alike.freedom < steady.freedom == 24
    assert intervals.estimate(drifting) is None


def latency_of(latencies) -> Latency:
    bins = Counter()
    for ps in (latencies * 1000).astype(int).tolist():
        shift = max(0, ps.bit_length() - 10)
        bins[((shift + 1) << 9) + (ps >> shift) - 512] += 1
    for index in bins:
        assert last_of_bin(index) >= 512
    return Latency({"max": float(latencies.max())}, sorted(bins.items()))


@pytest.mark.parametrize(("memory", "share"), [(0, 0.5), (0, 0.99), (0.95, 0.5), (0.7, 0.99)])
def test_percentile_intervals_hold_the_true_change_at_least_95_times_in_100(memory, share):
    found, runs = [], 150
    for seed in range(runs):
        random = numpy.random.default_rng(seed)
        old = 100_000 + correlated(random, 5_000, memory)
        new = 100_000 + CHANGE_NS + correlated(random, 5_000, memory)
        sums = (blocks_of(old), blocks_of(new))
        latencies = latency_of(old), latency_of(new)
        found.append(intervals.percentile_interval(*latencies, share, sums))
    known = [each for each in found if each]
    assert len(known) > 0.9 * runs  # the others look too bunched for a bound so far out
    assert covered(known) >= 0.95


def test_a_percentile_beyond_the_requests_has_no_interval():
    few = numpy.random.default_rng(5).normal(1e5, 1e4, 500)
    sums = (blocks_of(few, 4),) * 2
    assert intervals.percentile_interval(latency_of(few), latency_of(few), 0.999, sums) is None
    assert intervals.percentile_interval(latency_of(few), latency_of(few), 0.5, sums)


def test_likeness_of_neighbouring_batches_widens_the_interval():
    weights = 0.997 ** numpy.arange(1500)  # a bad time lasts for several batches of 327 requests
    found = []
    for seed in range(400):
        noise = numpy.random.default_rng(seed).normal(0, 100, REQUESTS + 1499)
        old = numpy.full(REQUESTS, 50_000.0)
        new = old + CHANGE_NS + numpy.convolve(noise, weights, "valid")
        difference = intervals.paired_differences(blocks_of(old), blocks_of(new))
        found.append(difference and intervals.paired_interval(difference))
    assert covered([each for each in found if each]) >= 0.9
