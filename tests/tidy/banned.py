# SPDX-License-Identifier: Apache-2.0
"""What would make a result depend on the machine, the moment or chance."""

import re
from pathlib import PurePosixPath

from tests.tidy.sources import Files, code, line_of

_WHERE = ("model/", "hw/", "bindings/")
_CLOCKS = "the timeline's now() is the only clock"
_CHANCE = "random numbers are addressed draws (engine)"

# (pattern, why, the one folder, or the few, where it is allowed)
CALLS = (
    (r"\b(system|steady|high_resolution)_clock\b", _CLOCKS, "bindings/"),
    (r"\b(gettimeofday|clock_gettime|timespec_get|rdtsc|__rdtsc)\b", _CLOCKS, None),
    (r"\bstd::(time|clock)\s*\(", _CLOCKS, None),
    (r"(?<![\w:.>])time\s*\(\s*(NULL|nullptr|0|&)", _CLOCKS, None),
    (r"\bsc_time_stamp\b", "SystemC's clock is read by the pump alone", "model/engine/hosted/pump"),
    (r"\brandom_device\b", _CHANCE, None),
    (r"\bstd::(mt19937|minstd_rand|ranlux|default_random_engine|knuth_b)", _CHANCE, None),
    (r"\bstd::\w+_distribution\b", "std:: distributions differ between libraries", None),
    (r"(?<![\w.>])s?rand\s*\(|\b[dejlmn]rand48\b|(?<![\w.>:])random\s*\(\s*\)", _CHANCE, None),
    (r"\bstd::(shuffle|sample|random_shuffle)\b", "its draws differ between libraries", None),
    (
        r"\bstd::(log|log2|log10|log1p|exp|exp2|expm1|pow|sin|cos|tan|tgamma|lgamma)[fl]?\s*\(",
        "libm differs between CPU models: use the fixed-point functions (engine)",
        None,
    ),
    (
        r"\bstd::(multi)?(map|set)\s*<[^,<>]*\*|\bstd::(less|greater|hash)\s*<[^<>]*\*",
        "the order of pointers is not the same twice",
        None,
    ),
    (
        r"\[[^\[\]]+\]\s*(\([^()]*\)\s*)?(mutable\s*)?->\s*(\w+::)*Task\s*<",
        "a coroutine may not be a capturing lambda: its captures die before it does",
        None,
    ),
    (
        r"\b(static|thread_local)\b(?!\s+(constexpr|consteval|constinit|const|thread_local)\b)"
        r"(?=[^;{}()=]*[;={])(?![^;{}=]*\()",
        "no statics: state belongs to a run",
        # memory of coroutine frames, which no result can see; where the package keeps its data
        ("model/engine/frame_pool", "bindings/"),
    ),
)
_COMPILED = tuple((re.compile(pattern), why, where) for pattern, why, where in CALLS)
_UNORDERED = re.compile(r"\bunordered_(?:multi)?(?:map|set)\s*<[^;]*?>\s*&?\s*(\w+)\s*[;={(,)]")


def violations(files: Files) -> list[str]:
    found = []
    for path, text in files.items():
        if not path.startswith(_WHERE):
            continue
        bare = code(text)
        for pattern, why, allowed in _COMPILED:
            if allowed and path.startswith(allowed):
                continue
            for match in pattern.finditer(bare):
                name = " ".join(match.group().split())
                found.append(f"{path}:{line_of(bare, match.start())}: `{name}`: {why}")
    return found + _hash_order(files)


def _hash_order(files: Files) -> list[str]:
    """Looking up in a hash table is fine; walking through one is not. A table is known by its
    name in the header and the source of the same stem."""
    tables: dict[PurePosixPath, set[str]] = {}
    for path, text in files.items():
        if path.startswith(_WHERE):
            names = set(_UNORDERED.findall(code(text)))
            tables.setdefault(PurePosixPath(path).with_suffix(""), set()).update(names)
    found = []
    for path, text in files.items():
        bare = code(text)
        for name in tables.get(PurePosixPath(path).with_suffix(""), ()):
            walk = rf"for\s*\([^;()]*:\s*{name}\s*\)|\b{name}\s*\.\s*c?r?begin\s*\("
            for match in re.finditer(walk, bare):
                line = line_of(bare, match.start())
                found.append(f"{path}:{line}: walks through the hash table `{name}`")
    return found
