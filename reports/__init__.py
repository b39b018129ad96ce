# SPDX-License-Identifier: Apache-2.0
"""Reports and views, found by folder name.

A folder with `report.py` makes files: `render(result, command) -> str | bytes`, and says
`NEEDS_REQUESTS = True` if it shows single requests. The folder's name is the ending that asks for
it, `_` standing for a dot: `html/` makes `.html`, `fio_json/` makes `.fio.json`. A folder with
`view.py` shows a result on the spot: `render(result) -> str`.
"""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from iodrome.nearest import hint

if TYPE_CHECKING:
    from iodrome.result import Result


def names() -> list[str]:
    """The reports that make files, by folder name."""
    return sorted(place.parent.name for place in Path(__file__).parent.glob("*/report.py"))


def ending(name: str) -> str:
    """The ending of file names that asks for a report."""
    return "." + name.replace("_", ".")


def name_for(path: str | PathLike[str]) -> str:
    """The report that a file name's ending asks for; of two that fit, the longer ending.

    Errors: ValueError.
    """
    fitting = [name for name in names() if str(path).lower().endswith(ending(name))]
    if fitting:
        return max(fitting, key=len)
    known = [ending(name) for name in names()]
    wrong = Path(path).suffix
    near = hint(wrong, known)
    raise ValueError(
        f"'{path}': no report has the ending '{wrong}'; there is {', '.join(known)}.{near}"
    )


def why_no_report(path: str | PathLike[str]) -> str | None:
    """What name_for() would complain of, or None."""
    try:
        name_for(path)
    except ValueError as error:
        return str(error)
    return None


def find(name: str) -> ModuleType:
    """The module of a report."""
    return import_module(f"{__name__}.{name}.report")


def needs_requests(path: str | PathLike[str]) -> bool:
    """Whether the report asked for shows single requests, so that a run must keep them."""
    return bool(getattr(find(name_for(path)), "NEEDS_REQUESTS", False))


def find_view(name: str) -> ModuleType:
    """The module of a view."""
    return import_module(f"{__name__}.{name}.view")


def render(name: str, result: Result, command: str | None = None) -> str | bytes:
    """A report's content. `command` is the line that made the result, if it is known."""
    content: str | bytes = find(name).render(result, command)
    return content


def view(name: str, result: Result) -> str:
    """A result as a view shows it: text for a terminal, HTML for a notebook."""
    text: str = find_view(name).render(result)
    return text
