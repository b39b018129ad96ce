# SPDX-License-Identifier: Apache-2.0
"""Numbers as people read them: three significant digits and a unit."""

_DURATIONS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def three_digits(value: float) -> str:
    """Three significant digits, with thousands separators above 999."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 999.5:
        return f"{value:,.0f}"
    if size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.0995:
        return f"{value:.2f}"
    return f"{value:.2g}"


def duration(ns: float) -> str:
    """A duration given in nanoseconds; below one nanosecond in picoseconds."""
    if ns == 0:
        return "0 ns"
    for scale, unit in _DURATIONS:
        if abs(ns) >= scale * 0.9995:
            return f"{three_digits(ns / scale)} {unit}"
    return f"{three_digits(ns * 1000)} ps"


def count(value: float) -> str:
    """A whole number, or a mean with three significant digits."""
    return f"{value:,.0f}" if float(value).is_integer() else three_digits(value)


def scaled(value: float, unit: str = "") -> str:
    """A number with a decimal prefix: 1.25 GB/s."""
    for scale, prefix in _SCALES:
        if abs(value) >= scale * 0.9995:
            return f"{three_digits(value / scale)} {prefix}{unit}"
    return f"{three_digits(value)} {unit}".rstrip()


def change(value: float, reference: float) -> str:
    """How far a value is from a reference: percent, the factor from ten up; from zero, nothing."""
    if reference == 0:
        return ""
    ratio = value / reference
    if ratio >= 10:
        return f"×{three_digits(ratio)}"
    percent = (ratio - 1) * 100
    if abs(percent) < 0.05:
        return "="
    digits = 0 if abs(percent) >= 9.95 else 1
    return f"{percent:+.{digits}f} %".replace("-", "−")


def percent(share: float) -> str:
    """A signed change in percent, with as many digits as it takes to see it."""
    value = share * 100
    digits = f"{value:+.1f}" if abs(value) >= 0.05 or value == 0 else f"{value:+.1g}"
    return f"{digits} %".replace("-", "−")


def _text(value: object, what: str, example: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a string with its unit, such as '{example}', not {value!r}")
    return value


def parse_bytes(text: object) -> int:
    """`"64 KiB"` or `"1 MB"`, as every file has it. Errors: TypeError, ValueError."""
    from iodrome.core import core

    number: int = core().parse_bytes(_text(text, "a number of bytes", "64 KiB"))
    return number


def parse_duration_ps(text: object) -> int:
    """`"20 us"` in picoseconds, as every file has it. Errors: TypeError, ValueError."""
    from iodrome.core import core

    number: int = core().parse_duration_ps(_text(text, "a duration", "20 us"))
    return number
