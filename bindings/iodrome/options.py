# SPDX-License-Identifier: Apache-2.0
"""What several sub-commands ask of their options: checked before anything runs."""

from __future__ import annotations

import click


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
    if value is not None and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise click.BadParameter("is not valid UTF-8")
    return value


def target(_context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """A file to write: refused before the race, not after it."""
    if path is None:
        return None
    from iodrome.files import why_not_writable

    reason = why_not_writable(path)
    if reason is None and parameter.name == "report":
        from iodrome import reports

        reason = reports.why_no_report(path)
    if reason:
        raise click.BadParameter(reason)
    return path
