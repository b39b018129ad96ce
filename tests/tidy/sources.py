# SPDX-License-Identifier: Apache-2.0
"""The files of the repository, and C++ without its comments and texts."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = {".git", ".venv", ".ruff_cache", "build", "out", "dist", "__pycache__"}

# Files by their path from the root.
Files = dict[str, str]


def files(*suffixes: str) -> Files:
    """All text files whose path, from `/` for the root on, ends in one of the suffixes."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(_walk())
        if f"/{path.relative_to(ROOT).as_posix()}".endswith(suffixes)
    }


def _walk() -> Iterator[Path]:
    for folder, names, entries in os.walk(ROOT):
        names[:] = [name for name in names if name not in _NOT_OURS]
        yield from (Path(folder) / entry for entry in entries)


_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"
      | "(?:\\.|[^"\\\n])*" | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'""",
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def code(text: str) -> str:
    """C++ with comments and literals blanked, every line and column where it was."""
    return _TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def includes(text: str) -> Iterator[tuple[int, bool, str]]:
    """(line, in quotes, path) of every include."""
    bare = re.sub(r"//[^\n]*", "", text)
    for match in _INCLUDE.finditer(bare):
        yield line_of(bare, match.start(2)), match[1] == '"', match[2]


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
