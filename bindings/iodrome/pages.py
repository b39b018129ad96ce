# SPDX-License-Identifier: Apache-2.0
"""The repository's pages, where a command shows what stands there instead of repeating it."""

import re
from functools import cache

from iodrome.core import data_dir

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HEADING = re.compile(r"^(#{1,3}) (.+?) *$", re.MULTILINE)


@cache
def page(path: str) -> str:
    """A page by its place in the repository; empty where it did not come along."""
    file = data_dir() / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def sections(path: str) -> dict[str, str]:
    """What stands under each heading of a page, in its order. Links are their text alone."""
    text = page(path)
    heads = list(_HEADING.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[2]: _LINK.sub(r"\1", text[head.end() : end]).strip()
        for head, end in zip(heads, ends, strict=True)
    }


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line.strip() for line in text.splitlines()]
    found: list[list[str]] = []
    for above, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("|"):
            continue
        is_head = not above.startswith("|")
        if not is_head and not set(line) <= set("|-: "):
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
    return found


def plain(text: str) -> str:
    """Without the marks of code."""
    return text.replace("`", "")
