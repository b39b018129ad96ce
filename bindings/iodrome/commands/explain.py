# SPDX-License-Identifier: Apache-2.0
import click

from iodrome.completion import machine_names, topic_names
from iodrome.kinds import KINDS


@click.command(short_help="Tell what one thing models, what not, and where its numbers come from.")
@click.argument("words", metavar="[KIND] NAME", nargs=-1, required=True,
                shell_complete=topic_names)
@click.option("--machine", metavar="NAME", default="", shell_complete=machine_names,
              help="Whose values: a machine by name, or a file. By default server_2026.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(words: tuple[str, ...], machine: str, as_json: bool) -> None:
    """Explain a design, machine, device, part, scenario, mechanism, metric, stage, cpu_class,
    counter, parameter, fio option or key of the result, by its NAME. KIND is needed where several
    things have one name.
    """
    from iodrome import topics

    if len(words) > 2:
        raise click.UsageError(f"one name at a time, not {len(words)} words")
    kind = words[0] if len(words) == 2 else None
    if kind is not None and kind not in KINDS:
        from iodrome.nearest import hint

        near = hint(kind, KINDS) or f" There are {', '.join(KINDS)}."
        raise click.UsageError(f"'{kind}' is no kind of thing.{near}")
    try:
        told = topics.find(words[-1], kind, machine).tell()
    except topics.NotFound as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        import json

        click.echo(json.dumps(told.to_dict(), indent=1, ensure_ascii=False))
    else:
        click.echo(told.text())
