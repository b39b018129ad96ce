# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.tidy import banned
from tests.tidy.sources import files


def test_nothing_in_the_model_depends_on_machine_moment_or_chance():
    assert not banned.violations(files(".cpp", ".h"))


@pytest.mark.parametrize(
    "line",
    [
        "auto t = std::chrono::steady_clock::now();",
        "clock_gettime(CLOCK_MONOTONIC, &t);",
        "auto t = time(nullptr);",
        "auto t = sc_core::sc_time_stamp();",
        "std::random_device device;",
        "std::mt19937_64 engine(seed);",
        "std::uniform_int_distribution<int> draw(0, 9);",
        "int x = rand() % 6;",
        "std::shuffle(a.begin(), a.end(), g);",
        "double y = std::log(x);",
        "double y = std::pow (x, 2);",
        "std::map<Task*, int> waiting;",
        "std::set<const Inode *> inodes;",
        "auto f = [this](Atomic& ctx) -> Task<void> { co_return; };",
        "auto f = [&] -> engine::Task<int> { co_return 1; };",
        "static int calls = 0;",
        "  static std::vector<int> pool;",
        "thread_local Pool pool;",
        "std::unordered_map<int, int> m;\nfor (auto& [k, v] : m) use(k);",
        "std::unordered_set<int> m_;\nauto first = m_.begin();",
    ],
)
def test_canary_a_banned_line_is_found(line):
    assert len(banned.violations({"model/kernel/a.cpp": line})) == 1


@pytest.mark.parametrize(
    "line",
    [
        "// std::random_device would differ",
        'fail("rand() is banned");',
        "auto t = timeline.now();",
        "Duration time(Spin spin);",
        "x = operand(3);",
        "double y = std::sqrt(x);",
        "auto y = fixed::log2(x);",
        "std::map<int, Task*> waiting;",
        "auto f = [](Atomic& ctx) -> Task<void> { co_return; };",
        "static constexpr int size = 4;",
        "static Duration of(int ns);",
        "static const Descriptor* const table[] = {a};",
        "static_assert(sizeof(int) == 4);",
        "std::unordered_map<int, int> m;\nauto found = m.find(3);",
        "char c = '\"'; int x = 1'000'000;",
    ],
)
def test_canary_a_fair_line_passes(line):
    assert not banned.violations({"model/kernel/a.cpp": line})


def test_a_hash_table_of_the_header_is_known_in_the_source():
    pair = {
        "model/kernel/a.h": "std::unordered_map<int, int> table_;",
        "model/kernel/a.cpp": "for (auto entry : table_) use(entry);",
    }
    assert len(banned.violations(pair)) == 1


def test_the_wall_clock_is_allowed_where_the_wall_time_is_reported():
    line = "auto t = std::chrono::steady_clock::now();"
    assert not banned.violations({"bindings/run.cpp": line})
