# SPDX-License-Identifier: Apache-2.0
import click

from iodrome import options
from iodrome.completion import any_file, result_files


@click.command(short_help="Make a report from a saved result.")
@click.argument("result", metavar="RESULT.json", shell_complete=result_files)
@click.argument("file", metavar="[FILE.html]", required=False, shell_complete=any_file)
def command(result: str, file: str | None) -> None:
    """Make a report from a result that `run --output` wrote: the page, or the table."""
    from iodrome import reports
    from iodrome.files import why_not_writable

    if file is not None:
        reason = why_not_writable(file) or reports.why_no_report(file)
        if reason is None and reports.needs_requests(file):
            reason = f"'{file}' shows single requests; a saved result holds none, so ask `run`"
        if reason:
            raise click.BadParameter(reason, param_hint="'FILE.html'")
    loaded = options.load_result(result, "RESULT.json")
    if file is None:
        reports.find_view("terminal").show(loaded)
    else:
        loaded.report(file)
