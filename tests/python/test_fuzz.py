# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in, Python's readers give a result or one of their documented errors, with a
message. `./dev fuzz` tries more often."""

import copy
import json
import random

import pytest

import iodrome as io
from iodrome import quantities, reports, vary
from tests.python import fuzz
from tests.python.conftest import FIXTURE, ROOT


def _refused(error: Exception) -> None:
    assert str(error).strip(), "a refusal without a message"


@pytest.fixture(scope="module")
def original() -> dict:
    """The result of a small race, its longest lists cut so that places are hit evenly."""
    data = copy.deepcopy(io.run(ROOT / "scenarios" / "chain.toml", ["sync", "io_uring"]).data)
    for run in data["runs"]:
        for key in ("latency_bins", "latency_curve"):
            del run[key][3:]
        for key in ("count", "total_ps"):
            del run["latency_blocks"][key][3:]
    del data["sources"][3:]
    return data


def test_a_damaged_result_is_refused_or_every_view_of_it_works(original):
    dice = random.Random(1)
    accepted = 0
    good = io.Result(original)
    for _ in range(fuzz.runs(600)):
        data = fuzz.damaged(original, dice)
        try:
            result = io.Result.from_json(fuzz.text_of(data, dice))
        except ValueError as error:
            _refused(error)
            continue
        accepted += 1
        assert io.Result.from_json(result.to_json()).data == result.data
        for name in reports.names():
            if not reports.needs_requests("x" + reports.ending(name)):
                try:
                    reports.render(name, result)
                except ValueError as error:
                    _refused(error)
        repr(result), result._repr_html_()
        try:
            comparison = io.compare(good, result)
        except ValueError as error:
            _refused(error)
            continue
        repr(comparison), comparison.to_markdown(), json.dumps(comparison.to_dict())
    assert accepted > fuzz.runs(600) // 30


@pytest.mark.parametrize("text", ["", "[", "null", "[]", "{}", '{"runs": 1}', '{"runs": [{}]}',
                                  "[" * 100_000, "1" * 5000, '{"runs": [{"design": "a"}]}'])
def test_what_is_no_result_is_refused_with_a_reason(text):
    with pytest.raises(ValueError, match=r"."):
        io.Result.from_json(text)


def test_a_refused_result_names_the_places_that_are_wrong():
    data = json.loads(FIXTURE.read_text())
    data["runs"][1]["latency_ns"]["p99"] = "fast"
    del data["runs"][0]["cpu_ns"]
    with pytest.raises(ValueError) as refusal:
        io.Result.from_json(json.dumps(data))
    assert str(refusal.value) == (
        "runs[0].cpu_ns is missing; runs[1].latency_ns.p99 is no number from 0 on"
    )


@pytest.mark.parametrize("text", ["cpu.count=1..256:x2", "a=1us..16us:x2", "b=1,2,4", "c=1..9:+3"])
def test_varied_values_are_read_or_refused(text):
    dice = random.Random(2)
    for _ in range(fuzz.runs(2000)):
        given = fuzz.damaged_text(text, dice)
        try:
            _, found = vary.parse(given)
        except ValueError as error:
            _refused(error)
        else:
            assert 0 < len(found) <= vary.MOST_VALUES and len(set(found)) == len(found), given
            assert all(value == value.strip() != "" for value in found), given


def test_blanks_around_the_ends_of_a_range_are_no_part_of_its_values():
    assert vary.values("key", "1 ..4\t:x2") == ["1", "2", "4"]
    assert vary.values("key", "1 us ..3 us") == ["1 us", "2 us", "3 us"]


@pytest.mark.parametrize("text", ["64 KiB", "1.5 ms", "20 us", "3.36 TB"])
def test_quantities_are_read_or_refused(text):
    dice = random.Random(3)
    for _ in range(fuzz.runs(2000)):
        given = fuzz.damaged_text(text, dice)
        for parse in (quantities.parse_bytes, quantities.parse_duration_ps):
            try:
                assert parse(given) >= 0
            except ValueError as error:
                _refused(error)
    for given in (None, 4, b"4 KiB", ["4 KiB"]):
        with pytest.raises(TypeError):
            quantities.parse_bytes(given)


def test_whatever_an_application_yields_it_runs_or_is_told_why_not():
    dice = random.Random(4)

    def operation():
        fields = [dice.choice([-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 2**70, fuzz.odd(dice)])]
        for _ in range(dice.randrange(5)):
            fields.append(dice.choice([0, 1, 2, 3, "/a", None, True, 512, 4096, fuzz.odd(dice)]))
        return tuple(fields)

    def yielded():
        match dice.randrange(8):
            case 0:
                return fuzz.odd(dice)
            case 1:
                return (-2, *(operation() for _ in range(dice.randrange(4))))
            case _:
                return operation()

    def app(client):
        for _ in range(200):
            try:
                yield yielded()
            except OSError as error:
                _refused(error)

    for _ in range(max(1, fuzz.runs(20))):
        work = io.workload(app, files={"/a": "64 KiB"})
        try:
            io.run(work, ["sync"], driver="free", keep_requests=False)
        except (TypeError, ValueError, OverflowError) as error:
            _refused(error)
