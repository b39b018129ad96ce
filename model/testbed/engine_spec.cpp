// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/engine_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace iodrome::testbed {

namespace {

constexpr std::array<std::string_view, 3> kWho{"any", "engine", "cpu"};
constexpr std::array<std::string_view, 2> kCpuWork{"caller", "kthread"};

// A value that is one of a few words.
void require_word(Configuration& configuration, std::string_view key, const std::string& value,
                  std::span<const std::string_view> words) {
  if (std::ranges::find(words, value) != words.end()) return;
  configuration.diagnostics().error(
      {}, fmt::format("{}: there is no {}", key, workloads::in_quotes(value)),
      workloads::name_hint(value, words));
}

std::uint32_t dma_operations(const EngineSpec& spec) {
  if (spec.dma_kind == "ioat") return drivers::IoatDriver::kOperations;
  if (spec.dma_kind == "adma") return drivers::AdmaDriver::kOperations;
  return spec.dma_kind == "dsa" ? drivers::IdxdDriver::kOperations : 0;
}

// Who shall do an operation is one of three words, and an engine that shall must be there.
void examine_who(const EngineSpec& spec, Configuration& configuration) {
  const auto examine = [&](std::string_view key, const std::string& who, bool engine_can) {
    require_word(configuration, key, who, kWho);
    if (who == "engine" && !engine_can)
      configuration.diagnostics().error(
          {}, fmt::format("{} is engine, and the machine has none that can", key),
          "say any or cpu, or give the machine such an engine: dma.kind, [crypto]");
  };
  const auto dma_can = [&spec](kernel::DmaOp op) {
    return (dma_operations(spec) & kernel::dma_capability(op)) != 0;
  };
  examine("providers.copy", spec.copy, dma_can(kernel::DmaOp::memcpy));
  examine("providers.xor", spec.exclusive_or, dma_can(kernel::DmaOp::exclusive_or));
  examine("providers.memset", spec.memset, dma_can(kernel::DmaOp::memset));
  examine("providers.crc32c", spec.crc32c, !spec.crypto_part.empty());
  examine("providers.cipher", spec.cipher, !spec.crypto_part.empty());
  examine("providers.hash", spec.hash, !spec.crypto_part.empty());
}

void examine_providers(const EngineSpec& spec, Configuration& configuration) {
  require_word(configuration, "providers.policy", spec.policy, providers::policy_names());
  require_word(configuration, "providers.cpu_work", spec.cpu_work, kCpuWork);
  if (spec.queue_limit < 1 || spec.queue_limit > 65536)
    configuration.diagnostics().error({}, "providers.queue_limit must be 1 to 65536");
  examine_who(spec, configuration);
}

void examine_dma(const EngineSpec& spec, Configuration& configuration) {
  const auto require = [&](bool condition, const char* what) {
    if (!condition) configuration.diagnostics().error({}, what);
  };
  const drivers::DmaDriverParams& driver = spec.dma_driver;
  require(driver.descriptors >= 1 && driver.descriptors <= 16384,
          "dma.descriptors must be 1 to 16384");
  require(driver.interrupt_delay >= Duration{0} && driver.interrupt_delay <= 16383us &&
              driver.interrupt_delay % 1us == Duration{0},
          "dma.interrupt_delay must be whole microseconds, at most 16383");
  require(driver.timeout > Duration{0}, "dma.timeout must be positive");
  require(spec.dma_costs.poll.each > Duration{0}, "dma.poll must be positive");
  require(driver.pending_level >= 0 && driver.pending_level <= driver.descriptors,
          "dma.pending_level must be 0 to dma.descriptors");
  require(spec.dma_user_queues >= 0, "dma.user_queues must not be negative");
  require(spec.dma_kind != "dsa" || (spec.dma_user_queues < spec.dsa.work_queues &&
                                     driver.descriptors + spec.dma_user_queues <= spec.dsa.entries),
          "dma.descriptors and dma.user_queues must leave room in the entries and work queues of "
          "the part");
}

void examine_crypto(const EngineSpec& spec, Configuration& configuration) {
  if (spec.crypto_driver.entries < 1 || spec.crypto_driver.entries > 16384)
    configuration.diagnostics().error({}, "crypto.entries must be 1 to 16384");
  if (spec.crypto_driver.timeout <= Duration{0})
    configuration.diagnostics().error({}, "crypto.timeout must be positive");
  if (spec.crypto_queueing != "acrypto" && spec.crypto_queueing != "crypto_api")
    configuration.diagnostics().error({}, "crypto.queueing is acrypto or crypto_api");
  if (spec.crypto_queue_length < 1 || spec.crypto_queue_length > 65'536)
    configuration.diagnostics().error({}, "crypto.queue_length must be 1 to 65536");
}

}  // namespace

void describe_dma(EngineSpec& spec, ParameterList& list) {
  list.add("kind", "", "ioat, adma or dsa", &spec.dma_kind);
  list.add("part", "", "the engine: a file of hw/dma/params", &spec.dma_part);
  list.add("descriptors", "", "descriptors of each channel", &spec.dma_driver.descriptors);
  list.add("interrupt_delay", "s", "completions are gathered for so long into one interrupt",
           &spec.dma_driver.interrupt_delay);
  list.add("timeout", "s", "without a completion for so long the driver looks by itself",
           &spec.dma_driver.timeout);
  list.add("prep", "s", "a descriptor taken and filled, its addresses mapped",
           &spec.dma_costs.prep.each);
  list.add("issue", "s", "pending descriptors handed to the engine: the doorbell",
           &spec.dma_costs.issue.each);
  list.add("complete", "s", "an ended descriptor cleaned up and unmapped",
           &spec.dma_costs.complete.each);
  list.add("poll", "s", "a look whether a cookie has completed, while a CPU waits for it",
           &spec.dma_costs.poll.each);
  list.add("pending_level", "", "descriptors at which a driver issues by itself; 0: never",
           &spec.dma_driver.pending_level);
  list.add("user_queues", "", "shared work queues of a dsa, for user space", &spec.dma_user_queues);
  list.add("movdir64b", "s", "a descriptor posted to a dsa", &spec.portal_costs.movdir64b.each);
  list.add("enqcmd", "s", "a descriptor submitted to a shared queue of a dsa, with its answer",
           &spec.portal_costs.enqcmd.each);
}

void describe_crypto(EngineSpec& spec, ParameterList& list) {
  list.add("part", "", "the crypto engine: a file of hw/crypto/params", &spec.crypto_part);
  list.add("entries", "", "requests of each queue", &spec.crypto_driver.entries);
  list.add("queueing", "",
           "acrypto (who submits gives to the shortest queue, and is refused if all are full) or "
           "crypto_api (one queue with a backlog, and a thread that feeds the engine one by one)",
           &spec.crypto_queueing);
  list.add("queue_length", "",
           "of crypto_api: requests beyond which the others are backlog, which no chain waits for",
           &spec.crypto_queue_length);
  list.add("timeout", "s", "without an end for so long the driver looks by itself",
           &spec.crypto_driver.timeout);
  list.add("submit", "s", "a descriptor filled and handed to the engine",
           &spec.crypto_costs.submit.each);
  list.add("complete", "s", "an ended request cleaned up", &spec.crypto_costs.complete.each);
}

void describe_providers(EngineSpec& spec, ParameterList& list) {
  list.add("policy", "",
           "who of those that can gets a job: first_fit, round_robin, least_loaded, cost_model or "
           "learned",
           &spec.policy);
  list.add("copy", "", "who copies: any, engine or cpu", &spec.copy);
  list.add("xor", "", "who sums blocks and checks sums: any, engine or cpu", &spec.exclusive_or);
  list.add("memset", "", "who fills: any, engine or cpu", &spec.memset);
  list.add("crc32c", "", "who makes checksums: any, engine or cpu", &spec.crc32c);
  list.add("cipher", "", "who enciphers and deciphers: any, engine or cpu", &spec.cipher);
  list.add("hash", "", "who makes digests: any, engine or cpu", &spec.hash);
  list.add("cpu_work", "",
           "where the CPU works as a provider: caller (at once, in its context) or kthread",
           &spec.cpu_work);
  list.add("queue_limit", "", "jobs that the CPU holds as a provider at most", &spec.queue_limit);
  list.add("choose", "s", "a provider chosen for a job", &spec.registry_costs.choose.each);
}

void examine_engines(const EngineSpec& spec, Configuration& configuration) {
  if (!spec.dma_kind.empty()) examine_dma(spec, configuration);
  if (!spec.crypto_part.empty()) examine_crypto(spec, configuration);
  const kernel::SoftwareDmaRates& cpu = spec.software;
  for (const auto& [key, rate] : {std::pair{"cpu.xor", cpu.exclusive_or},
                                  {"cpu.memset", cpu.memset},
                                  {"cpu.pq", cpu.pq},
                                  {"cpu.crc32c", cpu.crc32c},
                                  {"cpu.aes_encrypt", cpu.encrypt},
                                  {"cpu.aes_decrypt", cpu.decrypt},
                                  {"cpu.sha256", cpu.hash}})
    if (rate.bytes_per_s <= 0)
      configuration.diagnostics().error({}, fmt::format("{} must be positive", key));
  examine_providers(spec, configuration);
}

}  // namespace iodrome::testbed
