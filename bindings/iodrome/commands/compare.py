# SPDX-License-Identifier: Apache-2.0
import click

from iodrome import options


@click.command(short_help="Compare two saved results.")
@click.argument("old", metavar="OLD.json", callback=options.text)
@click.argument("new", metavar="NEW.json", callback=options.text)
@click.option("--markdown", is_flag=True, help="Print Markdown instead of the table.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(old: str, new: str, markdown: bool, as_json: bool) -> None:
    """Compare two results that `run --output` wrote: old to new, how sure that is, and where the
    change comes from.

    With the same input, machine and seed block k of both runs holds the same requests, so the
    comparison is paired. Exit code 0 whatever changed; `iodrome baseline check` is the one that
    fails.
    """
    if markdown and as_json:
        raise click.UsageError("--markdown and --json exclude each other.")
    from iodrome.comparison import Comparison

    sides = [options.load_result(old, "OLD.json"), options.load_result(new, "NEW.json")]
    try:
        comparison = Comparison(*sides)
    except ValueError as error:
        raise click.UsageError(f"{old}, {new}: {error}") from None
    if as_json:
        import json

        click.echo(json.dumps(comparison.to_dict(), indent=1))
    elif markdown:
        click.echo(comparison.to_markdown(), nl=False)
    else:
        from iodrome.comparison import views

        views.show(comparison)
