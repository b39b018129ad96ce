// SPDX-License-Identifier: Apache-2.0
// Machines with each kind of DMA engine, and with a crypto engine.
#include <fstream>
#include <sstream>

#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {
const std::string kSmall = "/small";  // steps refer to their paths

Outcome one_request(const Settings& settings, const std::string& machine = "server_2007") {
  Script script;
  script.files = {{kSmall, 5'000}};
  script.clients.push_back({{open_step(kSmall), send_step(0, 0, 5'000), close_step(0)}});
  return play(script, "sync", settings, {}, machine);
}
}  // namespace

TEST_CASE("a machine boots with every kind of DMA engine, and none costs who does not use it") {
  const Duration with_ioat = one_request({}).record.simulated;
  for (const auto& [kind, part] : {std::pair{"adma", "iop13xx_2007"}, {"dsa", "dsa_2023"}}) {
    CAPTURE(kind);
    const Outcome outcome = one_request({{"dma.kind", kind},
                                         {"dma.part", part},
                                         {"dma.descriptors", "64"},
                                         {"dma.user_queues", "2"}});
    CHECK(outcome.record.requests.error_count() == 0);
    CHECK(outcome.streams == std::vector<std::uint64_t>{5'000});
    CHECK(outcome.record.simulated == with_ioat);
  }
}

TEST_CASE("a part of another kind, an unknown kind, or too many queues, are told") {
  CHECK_THROWS(one_request({{"dma.kind", "dsa"}}));
  CHECK_THROWS_WITH(one_request({{"dma.kind", "dsb"}}), Catch::Contains("ioat, adma or dsa"));
  CHECK_THROWS_WITH(one_request({{"dma.kind", "dsa"},
                                 {"dma.part", "dsa_2023"},
                                 {"dma.descriptors", "128"},
                                 {"dma.user_queues", "1"}}),
                    Catch::Contains("must leave room"));
}

TEST_CASE("a machine file may have a crypto engine, which costs nobody who does not use it") {
  std::ifstream file(data_dir() + "/scenarios/machines/server_2026.toml");
  std::stringstream text;
  text << file.rdbuf() << R"(
[crypto]
part = { value = "crypto_pci_2007", source = "a test", date = "2026-11" }
entries = { value = 64, source = "a test", date = "2026-11" }
queueing = { value = "acrypto", source = "a test", date = "2026-11" }
queue_length = { value = 10, source = "a test", date = "2026-11" }
timeout = { value = "100 ms", source = "a test", date = "2026-11" }
submit = { value = "1 us", source = "a test", date = "2026-11" }
complete = { value = "1 us", source = "a test", date = "2026-11" }
)";
  const Input machine{"machine.toml", text.str()};
  const Outcome outcome = one_request({}, machine.path);
  CHECK(outcome.streams == std::vector<std::uint64_t>{5'000});
  CHECK(outcome.record.simulated == one_request({}, "server_2026").record.simulated);
  CHECK_THROWS_WITH(one_request({{"crypto.entries", "0"}}, machine.path),
                    Catch::Contains("crypto.entries"));
  CHECK_THROWS_WITH(one_request({{"crypto.part", "crypto_pci_2008"}}, machine.path),
                    Catch::Contains("crypto_pci_2007"));
}
