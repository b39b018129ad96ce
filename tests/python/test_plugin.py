# SPDX-License-Identifier: Apache-2.0
"""The pytest fixture iodrome_baseline, in a pytest of its own."""

import os

import pytest

pytest_plugins = ["pytester"]

TEST = """
import iodrome as io

CHAIN = io.chain().open("/a", size="64 KiB").sendfile().close().issued(repeat=20)
COST = {cost!r}

def test_chain(iodrome_baseline):
    iodrome_baseline.check(
        CHAIN, designs=["sync"], set={{"costs.path_lookup": COST}}, tolerance={tolerance!r}
    )

def test_result(iodrome_baseline):
    result = io.run(CHAIN, ["sync"])
    iodrome_baseline.check(result, "first")
    iodrome_baseline.check(result, "second")
"""


@pytest.fixture
def run(pytester):
    """Runs the tests above with a cost of path look-ups; the fixture comes from the module, since
    a checkout has no entry point."""

    def run(*words, cost="1200 ns", tolerance=None):
        pytester.makepyfile(test_race=TEST.format(cost=cost, tolerance=tolerance))
        return pytester.runpytest_subprocess("-p", "iodrome.pytest_plugin", *words)

    return run


def names(pytester) -> list[str]:
    return sorted(os.listdir(pytester.path / "baselines"))


def test_recorded_baselines_are_met_by_the_same_build(run, pytester):
    run("--iodrome-record").assert_outcomes(passed=2)
    assert names(pytester) == ["first.toml", "second.toml", "test_race.test_chain.toml"]
    run().assert_outcomes(passed=2)


def test_without_a_baseline_the_test_fails_and_says_how_to_record(run, pytester):
    done = run("-k", "chain")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        "there is no baseline *test_race.test_chain.toml; record it: "
        "pytest test_race.py::test_chain --iodrome-record"
    )
    assert not (pytester.path / "baselines").exists()


def test_a_dearer_cost_fails_with_the_text_of_the_command(run):
    run("--iodrome-record")
    done = run(cost="1260 ns")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "test_race.test_chain: sync: * figures differ",
            "  latency.mean *",
            "  stage that moved most: kernel *100 % of the mean's change",
            "  cost: path_lookup 1.20 µs → 1.26 µs per use (+5.0 %)*",
            "  again: pytest test_race.py::test_chain",
            "  accept: pytest test_race.py::test_chain --iodrome-record",
        ]
    )


@pytest.mark.parametrize("tolerance", ["5%", {"*": "5%", "requests": "0%"}])
def test_a_tolerance_lets_it_pass(run, tolerance):
    run("--iodrome-record")
    run(cost="1260 ns", tolerance=tolerance).assert_outcomes(passed=2)


def test_recording_again_replaces_the_file(run):
    run("--iodrome-record")
    run("--iodrome-record", cost="1260 ns").assert_outcomes(passed=2)
    run(cost="1260 ns").assert_outcomes(passed=2)
    run().assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("tolerance", "hint"),
    [("5", "*'5' is no tolerance*"), ({"latency.p9": "5%"}, "*did you mean 'latency.p9*")],
)
def test_a_wrong_tolerance_is_an_error_of_the_test(run, tolerance, hint):
    run("--iodrome-record")
    done = run("-k", "chain", tolerance=tolerance)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([hint])


def test_two_checks_of_one_name_are_refused(pytester):
    pytester.makepyfile("""
        import iodrome as io

        def test_twice(iodrome_baseline):
            result = io.run(io.chain().nop(), ["sync"])
            iodrome_baseline.check(result)
            iodrome_baseline.check(result)
    """)
    done = pytester.runpytest_subprocess("-p", "iodrome.pytest_plugin", "--iodrome-record")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*is no name for another baseline of this test"])
