# SPDX-License-Identifier: Apache-2.0
"""The schemas take what the simulator takes."""

import json
import re
import tomllib

import jsonschema
import pytest

import iodrome as io
from iodrome.schema import SCHEMAS
from tests.python.conftest import ROOT

DATA = {
    "scenario": sorted((ROOT / "scenarios").glob("*.toml")),
    "machine": sorted((ROOT / "scenarios/machines").glob("*.toml")),
    "part": sorted((ROOT / "hw").glob("*/params/*.toml")),
}
CASES = [(kind, path) for kind, paths in DATA.items() for path in paths]


def checker(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[kind]())


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_printed_and_is_one(iodrome, kind):
    printed = json.loads(iodrome("schema", kind).stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed == SCHEMAS[kind]()
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(("kind", "path"), CASES, ids=lambda case: getattr(case, "name", case))
def test_every_file_that_comes_along_fits_and_a_misspelt_key_does_not(kind, path):
    check, text = checker(kind), path.read_text()
    check.validate(tomllib.loads(text))
    keys = set(re.findall(r"^([a-z_.]+) = ", text, re.MULTILINE))
    assert keys
    for key in sorted(keys):
        wrong = re.sub(rf"^{re.escape(key)} = ", f"{key}x = ", text, count=1, flags=re.MULTILINE)
        assert not check.is_valid(tomllib.loads(wrong)), key


@pytest.mark.parametrize(
    "page", ["model/workloads/README.md", "docs/how-to/edit-scenarios-with-completion.md"]
)
def test_the_example_of_a_page_fits(page):
    example = re.search(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)[1]
    checker("scenario").validate(tomllib.loads(example.replace("\n   ", "\n")))


@pytest.mark.parametrize(
    "text",
    [
        'designs = ["sync", "iouring"]\n[workload]\npath = "a.log"\n',
        'machine = "server_2062"\n[workload]\npath = "a.log"\n',
        '[workload]\nkind = "acces_log"\n',
        '[workload]\npath = "a.log"\nload = "fast"\n',
        '[chain]\nstep = [{ op = "opne" }]\n',
        '[chain]\nstep = [{ op = "read", flags = ["drect"] }]\n',
        '[chain]\nstep = [{ op = "read", fd = "open" }]\n',
        '[chain]\nstep = [{ op = "read", bytes = "4k" }]\n',
        '[chain]\nstep = [{ op = "read", on_error = "halt" }]\n',
        '[chain]\ninterval = "20"\nstep = [{ op = "nop" }]\n',
        "[chain]\nrepeat = 3\n",
        "seed = 3\n",
        '[workload]\npath = "a.log"\n[set]\ncpu.cuont = 4\n',
        '[workload]\npath = "a.log"\n[set]\n"cpu.cuont" = 4\n',
        '[workload]\npath = "a.log"\n[set]\ncosts.spin_lock = "20"\n',
    ],
)
def test_what_the_simulator_refuses_does_not_fit(iodrome, text):
    assert not checker("scenario").is_valid(tomllib.loads(text))
    (iodrome.folder / "a.log").write_text("")
    (iodrome.folder / "wrong.toml").write_text(text)
    assert iodrome("run", "wrong.toml").returncode == 2


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("", 'zzzzzzzz = 1\n[workload]\npath = "a.log"\n'),
        ("workload", '[workload]\nzzzzzzzz = 1\npath = "a.log"\n'),
        ("chain", '[chain]\nzzzzzzzz = 1\nstep = [{ op = "nop" }]\n'),
        ("chain.step", '[chain]\nstep = [{ op = "nop", zzzzzzzz = 1 }]\n'),
    ],
)
def test_the_keys_of_the_schema_are_those_that_the_reader_knows(iodrome, table, text):
    (iodrome.folder / "wrong.toml").write_text(text)
    told = iodrome("run", "wrong.toml").stderr
    known = re.search(r"zzzzzzzz.*?valid: ([a-z_, ]+)", told, re.DOTALL)[1].split(", ")
    schema = SCHEMAS["scenario"]()
    for name in filter(None, table.split(".")):
        schema = schema["properties"][name]
        schema = schema.get("items", schema)
        schema = schema.get("anyOf", [schema])[0]
    assert sorted(schema["properties"]) == sorted(key.strip() for key in known)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("costs.spin_lock", ["20 ns", "20ns", "1.5 us", ".5 us", "2 µs", "20", "ns", "2 sec", ""]),
        ("cpu.copy_hot", ["40 GB/s", "25 Gbit/s", "1 GiB/s", "40 GB", "fast", "8 bps"]),
        ("storage.size", ["250 GB", "1 GiB", 1 << 30, "1073741824", "4k", "1 gb"]),
        ("cpu.count", [2, "2", "two", "2 CPUs"]),
        ("cpu.relative_cost", ["60%", "0.5", "3/5", 1, "half", "60 percent"]),
        ("storage.part", ["gen4_datacenter", "gen5", "crypto_pci_2007"]),
        ("storage.kind", ["nvme", "crypto"]),
        ("cpu.preemption", ["none", "full", "voluntary"]),
        ("cpu.hrtimers", ["high", "tick", "low"]),
        ("providers.policy", ["first_fit", "learned", "fastest"]),
        ("providers.copy", ["any", "engine", "cpu", "gpu"]),
        ("providers.cpu_work", ["caller", "kthread", "softirq"]),
        ("nvme.cache_read", [True, "false", "yes"]),
    ],
)
def test_a_value_fits_exactly_if_the_simulator_takes_it(key, values):
    check = checker("scenario")
    chain = io.chain().nop()
    for value in values:
        folder, _, name = key.partition(".")
        document = {"chain": {"step": [{"op": "nop"}]}, "set": {folder: {name: value}}}
        try:
            io.run(chain, ["sync"], set={key: value})
            taken = True
        except io.InputError:
            taken = False
        assert check.is_valid(document) == taken, value


def test_a_real_result_fits_and_a_key_too_many_or_too_few_does_not(log):
    data = io.run(log, keep_requests=False).data
    check = checker("result")
    check.validate(data)
    for place in (data, data["runs"][0], data["runs"][0]["stages_ns"], data["sources"][0]):
        place["surplus"] = 1
        assert not check.is_valid(data)
        del place["surplus"]
    for place, key in ((data, "seed"), (data["runs"][0], "counters")):
        kept = place.pop(key)
        assert not check.is_valid(data)
        place[key] = kept
    check.validate(data)
