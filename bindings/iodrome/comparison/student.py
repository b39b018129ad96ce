# SPDX-License-Identifier: Apache-2.0
"""Quantiles of the two distributions that intervals here need, without a library for them."""

import math


def t_quantile(level: float, freedom: int) -> float:
    """The t with P(|T| <= t) = `level` for Student's distribution.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4: finite sums for whole degrees of freedom.
    Errors: ValueError for a level outside (0, 1) or no degree of freedom.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    if freedom < 1:
        raise ValueError(f"there is no Student's distribution of {freedom} degrees of freedom")
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        if _within(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return high


def _within(t: float, freedom: int) -> float:
    """P(|T| <= t)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def rank_bounds(count: int, share: float, level: float) -> tuple[int, int] | None:
    """Ranks (from 1) between whose order statistics the quantile `share` of `count` independent
    draws lies with at least `level`; None where the draws do not reach far enough.

    Source: David and Nagaraja, Order Statistics, 7.1: the number of draws below a quantile is
    binomial.
    """
    tail = (1 - level) / 2
    spread = 12 * math.sqrt(count * share * (1 - share)) + 12
    first = max(0, math.floor(count * share - spread))
    last = min(count, math.ceil(count * share + spread))
    below, lower, upper = 0.0, 0, None
    for k in range(first, last + 1):
        below += _binomial(count, share, k)
        if below <= tail:
            lower = k + 1
        if below >= 1 - tail:
            upper = k + 1
            break
    if lower < 1 or upper is None or upper > count:
        return None
    return lower, upper


def _binomial(count: int, share: float, k: int) -> float:
    if share in (0, 1):
        return float(k == count * share)
    choose = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
    return math.exp(choose + k * math.log(share) + (count - k) * math.log1p(-share))
