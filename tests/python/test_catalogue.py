# SPDX-License-Identifier: Apache-2.0
"""What `list` and `explain` say is what a race finds."""

import json
import re

import pytest

import iodrome as io
from iodrome import catalogue, metrics, pages, topics
from iodrome.kinds import KINDS, LISTS
from tests.python.conftest import ROOT

MACHINES = ("server_2007", "server_2026")


@pytest.fixture(scope="module")
def chain():
    return io.chain().open("/a", size="64 KiB").stat().sendfile().close().issued(repeat=3)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_source_of_a_result_is_listed_and_explained_with_its_value(chain, machine):
    result = io.run(chain, machine=machine)
    listed = {row.key: row for row in io.parameters(machine)}
    told = {topic.name: topic for topic in topics.topics_of("parameter", machine)}
    assert len(result["sources"]) > 80
    for source in result["sources"]:
        for row in (listed[source["key"]], told[source["key"]].tell().parameters[0]):
            assert row.key == source["key"]
            assert (row.value, row.source, row.date, row.guess) == (
                source["value"], source["source"], source["date"], source["guess"],
            )  # fmt: skip
            assert row.text == f"{source['value']} {source['unit']}".strip()


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_key_is_taken_by_a_run(chain, machine):
    keys = [(row.key, row.value) for row in io.parameters(machine)]
    result = io.run(chain, machine=machine, set=keys)
    given = {each["key"] for each in result["sources"] if each["source"] == "given by the user"}
    assert given == {key for key, _ in keys}


@pytest.mark.parametrize("design", [design.name for design in catalogue.designs()])
def test_a_design_is_explained_with_its_path_all_it_leaves_out_and_all_its_parameters(
    iodrome, design
):
    done = iodrome("explain", design)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    told = next(each for each in io.designs() if each.name == design)
    assert told.not_modelled and told.summary in text
    for row in told.not_modelled:
        assert f"{row.what} ({row.where})" in text
    page = (ROOT / "model/designs" / design / "README.md").read_text()
    first_step = re.search(r"^1\. (\w+ \w+)", page, re.MULTILINE)[1]
    assert "Path of one request" in text and f"1. {first_step}" in text
    for row in io.parameters():
        if row.key.startswith(design + "."):
            assert f"{row.key} = {row.text}" in text
            assert f"from: {row.source}" in text


@pytest.mark.parametrize("kind", KINDS)
def test_everything_of_a_kind_explains_itself(kind):
    all_topics = topics.topics_of(kind)
    assert all_topics
    assert len({topic.name for topic in all_topics}) == len(all_topics)
    for topic in all_topics:
        told = topic.tell()
        assert (told.kind, told.name) == (kind, topic.name)
        assert told.summary and topic.name in told.text()
        assert json.loads(json.dumps(told.to_dict()))["name"] == topic.name
        assert topics.find(topic.name, kind).name == topic.name


def test_every_list_is_in_the_overview_with_its_length(iodrome):
    overview = iodrome("list").stdout
    everything = json.loads(iodrome("list", "--json").stdout)
    assert list(everything) == list(LISTS)
    for name in LISTS:
        lines = iodrome("list", name).stdout.splitlines()
        assert len(lines) == len(everything[name]) > 0
        assert re.search(rf"^{name} +{len(lines)} ", overview, re.MULTILINE)
        assert json.loads(iodrome("list", name, "--json").stdout) == {name: everything[name]}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["io_urnig"], "'io_uring'"),
        (["server_2062"], "'server_2026'"),
        (["gen4_datacentre"], "'gen4_datacenter'"),
        (["context_swich"], "'context_switch'"),
        (["costs.syscal_entry"], "'costs.syscall_entry'"),
        (["requests_per_sec"], "'requests_per_s'"),
        (["wakup"], "'wakeup'"),
        (["spinlok"], "'spinlock'"),
        (["chain.tml"], "'chain.toml'"),
        (["iodeph"], "'iodepth'"),
        (["submit_held"], "'submit_held_ns'"),
        (["stage", "devise"], "'device'"),
        (["xyzzyplugh"], "'iodrome list' shows"),
        (["sync", "--machine", "server_2062"], "did you mean 'server_2026'"),
        (["a", "b", "c"], "one name at a time"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_right_one(iodrome, words, hint):
    done = iodrome("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


def test_a_name_of_several_things_lists_them_and_a_kind_tells_them_apart(iodrome):
    done = iodrome("explain", "softirq")
    assert (done.returncode, done.stdout) == (2, "")
    for command in ("stage softirq", "cpu_class softirq", "parameter costs.softirq"):
        assert f"iodrome explain {command} " in done.stderr
    assert iodrome("explain", "stage", "softirq").stdout.startswith("softirq (stage)\n")


def test_an_option_of_job_files_does_not_hide_a_design(iodrome):
    assert iodrome("explain", "sync").stdout.startswith("sync (design)\n")
    assert "an error, since" in iodrome("explain", "option", "sync").stdout


def test_a_parameter_is_found_by_the_end_of_its_name_and_told_for_other_machines(iodrome):
    told = iodrome("explain", "context_switch", "--machine", "server_2007").stdout
    assert told.startswith("costs.context_switch (parameter)\n")
    assert "costs.context_switch = 4.4 us" in told and "server_2026 = 1.1 us" in told
    rpm = json.loads(iodrome("explain", "disk.rpm", "--json").stdout)
    assert rpm["parameters"] == []
    assert [(each["where"], each["value"]) for each in rpm["elsewhere"]] == [
        ("sas_15k_2007", "15000"),
        ("sata_7200_2007", "7200"),
    ]


def test_a_machine_file_is_listed_with_its_own_values(iodrome):
    text = (ROOT / "scenarios/machines/server_2026.toml").read_text()
    (iodrome.folder / "own.toml").write_text(text.replace('"12 ms"', '"7 ms"'))
    done = iodrome("list", "parameters", "--machine", "own.toml")
    assert re.search(r"^cpu\.sched_latency +7 ms ", done.stdout, re.MULTILINE)
    (iodrome.folder / "own.toml").write_text(text.replace("sched_latency =", "sched_latnecy ="))
    done = iodrome("list", "parameters", "--machine", "own.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "own.toml:" in done.stderr and "did you mean 'sched_latency'?" in done.stderr


def test_the_closed_lists_are_those_of_reports_and_pages():
    stages = catalogue.words("stages")
    assert tuple(word.name for word in stages) == metrics.STAGES
    assert tuple(word.name for word in catalogue.words("cpu_classes")) == metrics.CONTEXTS
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    table = architecture.split("Of a request, by stage")[1].split("Of a CPU")[0]
    assert [[f"`{word.name}`", word.help] for word in stages] == pages.rows(table)
    written = pages.rows((ROOT / "docs/result.md").read_text())
    for counter in catalogue.words("counters"):
        assert [f"`{counter.name}`", counter.help] in written


def test_the_mechanisms_cover_every_folder_of_the_modelled_kernel():
    places = " ".join(topic.tell().sections["Place"] for topic in topics.topics_of("mechanism"))
    for folder in (ROOT / "model/kernel").iterdir():
        if folder.is_dir():
            assert f"{folder.name}/" in places


def test_a_file_s_own_words_are_told_and_its_first_sentence_is_the_summary(iodrome):
    optane = next(part for part in catalogue.parts() if part.name == "optane_p5800x")
    assert optane.summary == "Intel Optane P5800X."
    old = next(machine for machine in io.machines() if machine.name == "server_2007")
    assert old.summary.endswith("gigabit Ethernet.") and "LMbench" in old.about
    told = iodrome("explain", "optane_p5800x").stdout
    assert "\n    doorbell_flight 150 + command_fetch 550" in told
    assert max(map(len, told.splitlines())) <= 102


def test_lists_show_themselves_as_tables():
    shown = repr(io.designs()).splitlines()
    assert [line.split()[0] for line in shown] == [design.name for design in io.designs()]
    assert "cpu.count" in repr(io.parameters(machine="server_2026"))
    assert io.machines()[0].parts == {
        "disk": "sata_7200_2007", "nic": "gbe_1", "clients": "clients_lan", "ioat": "ioat_2007",
        "crypto": "crypto_pci_2007",
    }  # fmt: skip
    with pytest.raises(io.InputError, match="did you mean 'server_2026'"):
        io.parameters("server_2062")
