# SPDX-License-Identifier: Apache-2.0
"""The shipped scenarios give what scenarios/baselines/ says. Where a change of timing is meant,
`iodrome baseline record --dir scenarios/baselines` records them all anew (CONTRIBUTING.md)."""

import pytest

from iodrome.baselines import views
from iodrome.baselines.baseline import Baseline
from iodrome.baselines.check import check
from iodrome.baselines.experiment import baseline_name
from tests.python.conftest import ROOT

SCENARIOS = ROOT / "scenarios"
FILES = sorted((SCENARIOS / "baselines").glob("*.toml"))


def test_every_shipped_scenario_has_a_baseline_and_no_other_is_there():
    inputs = [path for path in SCENARIOS.iterdir() if path.suffix in (".toml", ".fio")]
    inputs += (SCENARIOS / "truth").glob("*.toml")
    assert sorted(map(baseline_name, inputs)) == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_shipped_scenario_gives_what_was_recorded(file):
    baseline = Baseline.load(file)
    designs = list(baseline.runs)
    replay = {design: baseline.experiment.replay(design) for design in designs}
    accept = "iodrome baseline record --dir scenarios/baselines (all of them, in a release build)"
    found = check(baseline, baseline.experiment.run(designs), None, replay, accept)
    assert found.ok, "\n" + views.failure(found)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_recorded_file_is_as_the_recorder_writes_it(file):
    """Nobody edits figures by hand, and paths in it lead from its own folder."""
    assert Baseline.load(file).text(file.parent) == file.read_text()
