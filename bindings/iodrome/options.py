# SPDX-License-Identifier: Apache-2.0
"""What several sub-commands ask of their options: checked before anything runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iodrome.result import Result


def names(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """A,B,… as a list."""
    if value is None:
        return None
    found = [name.strip() for name in value.split(",")]
    if "" in found:
        raise click.BadParameter("wants names separated by single commas")
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice:
        raise click.BadParameter(f"names '{twice}' twice")
    return found


def pairs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[str, str]]:
    """KEY=VALUE, several times."""
    found = []
    for value in values:
        key, equals, setting = value.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"'{value}' is not KEY=VALUE")
        found.append((key.strip(), setting.strip()))
    return found


def text(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Text that every file and report can hold."""
    if value is not None:
        _refuse_if_not_text(value)
    return value


def texts(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """The same for an option that may be repeated."""
    for value in values:
        _refuse_if_not_text(value)
    return values


def _refuse_if_not_text(value: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise click.BadParameter("is not valid UTF-8")


def target(_context: click.Context, _parameter: click.Parameter, path: str | None) -> str | None:
    """A file to write: refused before the race, not after it."""
    if path is None:
        return None
    from iodrome.files import why_not_writable

    reason = why_not_writable(path)
    if reason:
        raise click.BadParameter(reason)
    return path


def target_or_stdout(
    context: click.Context, parameter: click.Parameter, path: str | None
) -> str | None:
    """The same, or `-`."""
    return path if path == "-" else target(context, parameter, path)


def targets(
    context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]
) -> tuple[str, ...]:
    """Reports to write, by their endings."""
    from iodrome import reports

    for path in paths:
        reason = reports.why_no_report(path)
        if reason:
            raise click.BadParameter(reason)
        target(context, parameter, path)
    return paths


def load_result(path: str | os.PathLike[str], hint: str) -> Result:
    """A saved result. Errors: BadParameter, so that the command ends with 2."""
    from iodrome.result import Result

    try:
        return Result.load(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.BadParameter(f"{os.fspath(path)}: {reason}", param_hint=f"'{hint}'") from None
