# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from iodrome import nearest, options

if TYPE_CHECKING:
    from pathlib import Path

    from iodrome.baselines.baseline import Baseline
    from iodrome.baselines.check import Check
    from iodrome.baselines.experiment import Experiment
    from iodrome.baselines.tolerance import Tolerance

MISMATCH = 3


def _tolerances(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> Tolerance:
    from iodrome.baselines.tolerance import Tolerance

    try:
        return Tolerance(options.pairs(context, parameter, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_DIR = click.option("--dir", "folder", metavar="DIR", default="baselines", show_default=True,
                    callback=options.text, help="Where the baselines are.")  # fmt: skip
_TOLERANCE = click.option("--tolerance", metavar="FIGURE=N%", multiple=True, callback=_tolerances,
                          help="Allow for a change, as in latency.p99=2%; patterns such as "
                          "'costs.*' fit too; may be repeated.")  # fmt: skip
_QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress.")
_SET = click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True,
                    callback=options.pairs,
                    help="Override a parameter by its dotted name; may be repeated.")  # fmt: skip


@click.group(cls=nearest.Verbs, short_help="Guard figures against changes.")
def command() -> None:
    """Record what scenarios give, and check that a build still gives it.

    A baseline is a small TOML file beside your scenarios, to be reviewed like code. Simulated
    time is the same on every computer, so a check is exact unless a tolerance is given.
    """


@command.command(short_help="Record baselines, or record all of DIR anew.")
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1, callback=options.texts)
@_DIR
@click.option("--kind", metavar="KIND", callback=options.text,
              help="What SCENARIO is: access_log, fio or scenario.")
@click.option("--design", "designs", metavar="A,B,…", callback=options.names,
              help="Designs to record. By default all.")
@click.option("--machine", metavar="NAME", callback=options.text,
              help="A machine by name, or a file.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="By default 1.")
@click.option("--skip-bad", type=click.IntRange(0), metavar="N",
              help="Skip up to N malformed lines of a log.")
@_SET
@_TOLERANCE
@_QUIET
def record(scenarios: tuple[str, ...], folder: str, tolerance: Tolerance, quiet: bool,
           **given: Any) -> None:  # fmt: skip
    """Run every SCENARIO and write DIR/<name>.toml; without one, record all of DIR anew, each as
    it was recorded before. Tolerances of a file are kept. Nothing is written before every run has
    ended.
    """
    from iodrome.baselines.baseline import Baseline

    given["set"] = dict(given.pop("overrides"))
    if scenarios:
        plan = [(name, experiment, _tolerance_of(folder, name, experiment))
                for name, experiment in _planned(scenarios, given)]  # fmt: skip
    else:
        if any(value not in (None, {}) for value in given.values()):
            raise click.UsageError("Options of a run need a SCENARIO; without one, each baseline "
                                   "keeps its own.")  # fmt: skip
        plan = [(each.name, each.experiment, each.tolerance) for each in _of_folder(folder)
                if each.experiment]  # fmt: skip
    _refuse_folder(folder)
    made = [
        Baseline.of(name, _run(quiet, experiment.run), experiment, None, kept + tolerance)
        for name, experiment, kept in plan
    ]
    for baseline in made:
        _refuse_unknown(baseline.tolerance, [baseline])
    os.makedirs(folder, exist_ok=True)
    for baseline in made:
        click.echo(f"recorded {baseline.save(folder)}")


@command.command(short_help="Check that this build gives what is recorded.")
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1, callback=options.texts)
@_DIR
@_SET
@_TOLERANCE
@click.option("--markdown", metavar="FILE", callback=options.target_or_stdout,
              help="Write what was found as Markdown; - for the standard output, in place of the "
              "text.")
@click.option("--junit", metavar="FILE", callback=options.target, help="Write JUnit XML.")
@_QUIET
def check(scenarios: tuple[str, ...], folder: str, overrides: list[tuple[str, str]],
          tolerance: Tolerance, markdown: str | None, junit: str | None,
          quiet: bool) -> None:  # fmt: skip
    """Run every SCENARIO of which DIR has a baseline, or all of DIR, as it was recorded.

    Exit code 0 if everything is as recorded, 3 if not, 2 if something is missing. Where
    GITHUB_STEP_SUMMARY is set, the Markdown is appended to that file.
    """
    from iodrome.baselines import views
    from iodrome.files import write_atomically

    summary = _summary_file()
    if scenarios:
        baselines = [_load(folder, *planned) for planned in _planned(scenarios, {})]
    else:
        baselines = _of_folder(folder)
    _refuse_unknown(tolerance, baselines)
    checks = [
        _check(each, folder, overrides, tolerance, quiet) for each in baselines if each.experiment
    ]
    if junit:
        write_atomically(junit, views.junit(checks))
    if markdown and markdown != "-":
        write_atomically(markdown, views.markdown(checks))
    if summary:
        with open(summary, "a", encoding="utf-8") as file:
            file.write(views.markdown(checks))
    if markdown == "-":
        click.echo(views.markdown(checks), nl=False)
    else:
        click.echo(views.text(checks), nl=False)
    if not all(each.ok for each in checks):
        click.get_current_context().exit(MISMATCH)


def _check(baseline: Baseline, folder: str, overrides: list[tuple[str, str]],
           tolerance: Tolerance, quiet: bool) -> Check:  # fmt: skip
    from iodrome.baselines.check import check as compare

    experiment = baseline.experiment
    assert experiment is not None
    designs = list(baseline.runs)
    result = _run(quiet, lambda progress: experiment.run(designs, overrides, progress))
    replay = {design: experiment.replay(design, overrides) for design in designs}
    # What holds only with other parameters is nothing to be recorded.
    accept = "" if overrides else experiment.record(folder)
    return compare(baseline, result, tolerance, replay, accept)


def _run(quiet: bool, run: Callable[..., Any]) -> Any:
    from iodrome import progress

    with progress.shown(quiet) as view:
        return run(progress=view)


def _planned(scenarios: tuple[str, ...], given: dict[str, Any]) -> list[tuple[str, Experiment]]:
    """(name of the baseline, experiment) of every scenario."""
    from iodrome.baselines.experiment import Experiment, baseline_name, twice

    found = [(baseline_name(path), Experiment(path, **given)) for path in scenarios]
    name = twice(name for name, _ in found)
    if name:
        raise _bad("SCENARIO", f"two of them have the baseline '{name}'; give them in two commands "
                   "with another --dir")  # fmt: skip
    return found


def _load(folder: str, name: str, experiment: Experiment) -> Baseline:
    from iodrome.baselines.baseline import path_of

    path = path_of(folder, name)
    if not path.exists():
        raise _bad("SCENARIO", f"there is no baseline {path}; record it: "
                   f"{experiment.record(folder)}")  # fmt: skip
    baseline = _read(path)
    _refuse_stranger(path, baseline, experiment)
    return baseline


def _tolerance_of(folder: str, name: str, experiment: Experiment) -> Tolerance:
    """What the file that will be overwritten allows."""
    from iodrome.baselines.baseline import path_of
    from iodrome.baselines.tolerance import Tolerance

    path = path_of(folder, name)
    if not path.exists():
        return Tolerance()
    baseline = _read(path)
    _refuse_stranger(path, baseline, experiment)
    return baseline.tolerance


def _refuse_stranger(path: Path, baseline: Baseline, experiment: Experiment) -> None:
    recorded = baseline.experiment.input if baseline.experiment else baseline.test
    if recorded is None or os.path.abspath(recorded) != os.path.abspath(experiment.input):
        raise _bad("SCENARIO", f"{path} was recorded for {recorded}; use another --dir")


def _of_folder(folder: str) -> list[Baseline]:
    from pathlib import Path

    place = Path(folder)
    paths = sorted(place.glob("*.toml"))
    if not paths:
        raise _bad("--dir", f"there is no baseline in {place}; record one: iodrome baseline record "
                   f"SCENARIO --dir {place}")  # fmt: skip
    found = [_read(path) for path in paths]
    if not any(baseline.experiment for baseline in found):
        raise _bad("--dir", f"the baselines in {place} belong to tests: run pytest")
    return found


def _read(path: Path) -> Baseline:
    from iodrome.baselines.baseline import Baseline

    try:
        return Baseline.load(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _bad("--dir", f"{path}: {reason}") from None


def _refuse_unknown(tolerance: Tolerance, baselines: list[Baseline]) -> None:
    names = [(design, name) for baseline in baselines
             for design, run in baseline.runs.items() for name in run]  # fmt: skip
    wrong = tolerance.unknown(names)
    if wrong:
        raise _bad("--tolerance", wrong)


def _refuse_folder(folder: str) -> None:
    """Asked before the runs: what stands there, or above what will, must take files."""
    place = os.path.abspath(folder)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place) or not os.access(place, os.W_OK):
        raise _bad("--dir", f"'{place}' is not a directory to write to")


def _summary_file() -> str | None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return None
    try:
        with open(path, "a", encoding="utf-8"):
            return path
    except OSError as error:
        raise _bad("GITHUB_STEP_SUMMARY", f"'{path}': {error.strerror}") from None


def _bad(what: str, reason: str) -> click.BadParameter:
    return click.BadParameter(reason, param_hint=f"'{what}'")
