# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from typing import Any

import click

from iodrome.options import names, pairs, target, text


def _varied(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, list[str]]:
    from iodrome import vary

    found: dict[str, list[str]] = {}
    for item in given:
        try:
            key, values = vary.parse(item)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if key in found:
            raise click.BadParameter(f"'{key}' is varied twice")
        found[key] = values
    return found


@click.command(short_help="Race at every combination of varied parameters.")
@click.argument("input", metavar="INPUT", callback=text)
@click.option("--vary", "varied", metavar="KEY=VALUES", multiple=True, required=True,
              callback=_varied,
              help="A parameter and its values: a,b,c or 1..256:x2 or 1..10:+3. May be repeated: "
                   "every combination runs. KEY may be machine or design.")
@click.option("--reps", type=click.IntRange(1, 10_000), default=1, show_default=True,
              help="Seeds per combination, from --seed on.")
@click.option("-j", "--jobs", type=click.IntRange(1, 1024), default=1, show_default=True,
              help="Processes that run points.")
@click.option("--design", "designs", metavar="A,B,…", callback=names, help="By default all.")
@click.option("--machine", metavar="NAME", callback=text, help="By default the scenario's.")
@click.option("--seed", type=click.IntRange(0, 2**63), default=1, show_default=True)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, callback=pairs,
              help="Override a parameter at every point.")
@click.option("--driver", type=click.Choice(["hosted", "free"]), default="free",
              show_default=True, help="Same answers; the free driver sets up quicker.")
@click.option("--store", metavar="DIR", default="out/sweeps", show_default=True,
              help="Where results are kept; a sweep that was ended goes on from there.")
@click.option("--csv", "csv_file", metavar="FILE.csv", callback=target,
              help="Write every row as CSV.")
@click.option("--report", metavar="FILE.html", callback=target,
              help="Write small multiples as a page that opens offline.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as one JSON array.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    input: str,
    varied: dict[str, list[str]],
    reps: int,
    jobs: int,
    designs: list[str] | None,
    machine: str | None,
    seed: int,
    overrides: list[tuple[str, str]],
    driver: str,
    store: str,
    csv_file: str | None,
    report: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Race at every combination of the varied parameters, with several seeds.

    Results are kept in the store as they come, by everything they follow from: the same command
    goes on where it was ended, and an unchanged point never runs twice.
    """
    from iodrome import files
    from iodrome.sweeps import sweep

    seen = [0, 0]

    def tell(done: int, total: int) -> None:
        seen[:] = [done, total]
        if not quiet and sys.stderr.isatty():
            print(f"\r{done:,} of {total:,} points", end="", file=sys.stderr, flush=True)

    try:
        result = sweep(
            input, varied, designs=designs, machine=machine, seed=seed, reps=reps,
            set=dict(overrides), driver=driver, jobs=jobs, store=store, progress=tell,
        )
    except KeyboardInterrupt:
        done, total = seen
        click.echo(f"\n{done:,} of {total:,} points are kept; the same command goes on", err=True)
        raise
    finally:
        if not quiet and sys.stderr.isatty():
            print(file=sys.stderr)
    if csv_file:
        files.write_atomically(csv_file, result.to_csv())
    if report:
        result.report(report)
    click.echo(_rows(result.rows()) if as_json else repr(result))


def _rows(rows: list[dict[str, Any]]) -> str:
    import json

    return json.dumps(rows, indent=1)
