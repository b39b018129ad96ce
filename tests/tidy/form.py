# SPDX-License-Identifier: Apache-2.0
"""The outer form: licence lines, lengths, paths of somebody's machine."""

import ast
import re
from collections.abc import Iterator

from tests.tidy.sources import Files, code, line_of

LINES_PER_FILE = 500
LINES_PER_FUNCTION = 70
COLUMNS = 100
_SPDX = "SPDX-License-Identifier: Apache-2.0"
_MACHINE = re.compile(r"(?:^|[^A-Za-z0-9_.$}])/(?:work|farm|root|home|tmp|mnt)/[A-Za-z0-9_.]")
_TICKET = re.compile(r"\b(?:issue|ticket)s? #?\d+\b", re.IGNORECASE)


def licence(files: Files) -> list[str]:
    found = []
    for path, text in files.items():
        lines = text.split("\n", 2)
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if _SPDX not in first:
            found.append(f"{path}:1: the first line does not say {_SPDX}")
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
            found.append(f"{path}:1: no #pragma once")
    return found


def lengths(files: Files) -> list[str]:
    found = []
    for path, text in files.items():
        lines = text.splitlines()
        if len(lines) > LINES_PER_FILE:
            found.append(f"{path}: {len(lines)} lines, {LINES_PER_FILE} are allowed")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                found.append(f"{path}:{number}: {len(line)} columns, {COLUMNS} are allowed")
        for name, start, length in _functions(path, text):
            if length > LINES_PER_FUNCTION:
                found.append(
                    f"{path}:{start}: {name} has {length} lines, {LINES_PER_FUNCTION} are allowed"
                )
    return found


def _functions(path: str, text: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, lines) of every function."""
    if path.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1
    elif path.endswith((".cpp", ".h")):
        yield from _cpp_functions(code(text))


_NO_FUNCTION = re.compile(
    r"^\s*(?:template\s*<[^{;]*>\s*)?(?:inline\s+)?"
    r"(?:namespace|class|struct|enum|union|extern)\b(?![^{]*\)\s*(?:const|noexcept|override)?\s*$)"
)
_STATEMENT = re.compile(r"^\s*(?:else|if|for|while|switch|catch|do|try|return)\b")
_NAME = re.compile(r"([~\w:]+)\s*\(")


def _cpp_functions(bare: str) -> Iterator[tuple[str, int, int]]:
    """Counts braces: a block whose head has parentheses and is no statement is a function."""
    bare = re.sub(r"^[ \t]*#.*(?:\\\n.*)*$", "", bare, flags=re.MULTILINE)
    head_start, blocks = 0, []
    for match in re.finditer(r"[{};]", bare):
        if match.group() == ";":
            # Not inside the parentheses of a `for`.
            if bare.count("(", head_start, match.start()) <= bare.count(
                ")", head_start, match.start()
            ):
                head_start = match.end()
            continue
        if match.group() == "}":
            if blocks:
                head, start = blocks.pop()
                if head:
                    lines = line_of(bare, match.start()) - start + 1
                    yield head, start, lines
            head_start = match.end()
            continue
        head = bare[head_start : match.start()]
        blocks.append(_function_head(bare, head, head_start))
        head_start = match.end()


def _function_head(bare: str, head: str, offset: int) -> tuple[str | None, int]:
    name = _NAME.search(head)
    start = line_of(bare, offset + len(head) - len(head.lstrip()))
    is_function = name and not _NO_FUNCTION.search(head) and not _STATEMENT.search(head)
    return (name[1] if is_function else None), start


def machine_paths(files: Files) -> list[str]:
    return [
        f"{path}:{number}: a path of one machine: {match.group().strip()}…"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := _MACHINE.search(line))
    ]


def tickets(files: Files) -> list[str]:
    return [
        f"{path}:{number}: '{match.group()}': say what it is about instead"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := _TICKET.search(line))
    ]
