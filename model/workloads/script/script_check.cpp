// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/memory/memory.h"

namespace iodrome::workloads {

namespace {

constexpr std::int64_t kMostMemory = std::int64_t{1} << 30;
constexpr auto kBlock = static_cast<std::int64_t>(chain::kCipherBlock);
constexpr auto kDigest = static_cast<std::int64_t>(chain::kDigestBytes);
constexpr std::string_view kTransfers[] = {"read", "send", "write"};
constexpr std::string_view kOnMemory[] = {"copy",    "xor",     "memset", "crc32c",
                                          "encrypt", "decrypt", "hash"};
constexpr std::string_view kFromElsewhere[] = {"copy", "xor", "encrypt", "decrypt", "hash"};
constexpr std::string_view kCiphers[] = {"encrypt", "decrypt"};
constexpr std::string_view kWithoutFile[] = {"nop", "open", "unlink", "timeout"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], const std::string& name) {
  return std::ranges::find(names, name) != std::end(names);
}

bool has_flag(const ScenarioStep& step, std::string_view flag) {
  return std::ranges::find(step.flags, flag) != step.flags.end();
}

class ScriptCheck {
 public:
  ScriptCheck(const ScenarioChain& chain, Diagnostics& diagnostics)
      : chain_(chain), diagnostics_(diagnostics) {}

  void run() {
    // What is wrong with a step is wrong with its copies, and told once.
    const std::size_t set = chain_.steps.size() / static_cast<std::size_t>(chain_.copies);
    for (index_ = 0; index_ < set; ++index_) {
      operands();
      numbers();
      memory();
      reactions();
      order();
    }
    // The rest relies on what has been looked at so far.
    if (!diagnostics_.ok()) return;
    for (index_ = 0; index_ < set; ++index_) files();
  }

 private:
  const ScenarioStep& step() const { return chain_.steps[index_]; }
  bool transfers() const { return among(kTransfers, step().op); }
  bool on_memory() const { return among(kOnMemory, step().op); }
  void refuse(std::string_view message, std::string hint = {}) {
    diagnostics_.error(step().place, fmt::format("step '{}': {}", step().name, message),
                       std::move(hint));
  }
  static const StepReference* reference(const std::optional<StepValue>& value) {
    const auto* const used = value ? std::get_if<StepReference>(&*value) : nullptr;
    // Where a step goes to is known before anything runs.
    return used == nullptr || used->result == "offset" ? nullptr : used;
  }
  static std::optional<std::int64_t> fixed(const std::optional<StepValue>& value) {
    const auto* const number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
    return number == nullptr ? std::nullopt : std::optional(*number);
  }
  bool goes_at_random() const {
    return step().offset && std::holds_alternative<RandomOffset>(*step().offset);
  }

  void operands() {
    const bool named = step().op == "open" || step().op == "unlink";
    if (named && step().path.empty()) refuse(step().op + " needs a path", "path = \"/index.html\"");
    if (!named && !step().path.empty()) refuse("a path is for open and unlink");
    const bool needs_fd = !on_memory() && !among(kWithoutFile, step().op);
    if (needs_fd && !step().fd) refuse("it needs a descriptor", "fd = \"$open.fd\"");
    if (!needs_fd && step().fd) refuse("it uses no descriptor");
    if (step().size && step().op != "open") refuse("a size is for open");
    if ((step().op == "timeout") != step().time_ns.has_value())
      refuse(step().time_ns ? "a time is for timeout" : "it needs a time", "time = \"100 us\"");
    for (const std::string& flag : step().flags)
      if (step().op != "open" && flag != "direct") refuse("\"" + flag + "\" is a flag of open");
  }

  void numbers() {
    if (!transfers() && !on_memory() && (step().bytes || step().offset))
      return refuse("it moves no bytes");
    if (step().offset && on_memory() && !among(kFromElsewhere, step().op))
      refuse("its place in the chain's memory is 'memory'");
    if ((transfers() || on_memory()) && !step().bytes)
      refuse("it needs a number of bytes", "bytes = \"64 KiB\"");
    if (on_memory() && step().offset && !std::holds_alternative<std::int64_t>(*step().offset))
      refuse("its offset is a place in the chain's memory", "offset = \"4 KiB\"");
    if (const auto* const bytes =
            step().bytes ? std::get_if<StepReference>(&*step().bytes) : nullptr;
        bytes != nullptr && bytes->result == "offset")
      refuse("a place in a file is no number of bytes");
    if (goes_at_random() && fixed(step().bytes).value_or(0) == 0)
      refuse("a random offset needs a fixed number of bytes");
    if (const auto* const other =
            step().offset ? std::get_if<StepReference>(&*step().offset) : nullptr;
        other != nullptr && other->result == "offset" &&
        reference(chain_.steps[other->step].offset) != nullptr)
      refuse(fmt::format("where '{}' goes to is not known before it runs",
                         chain_.steps[other->step].name));
    for (const auto* used : {reference(step().bytes), reference(step().offset)})
      if (used != nullptr && chain_.graph && used->step != index_ && !comes_before(used->step))
        refuse(fmt::format("'{}' need not have ended before it", chain_.steps[used->step].name),
               fmt::format("after = [\"{}\"]", chain_.steps[used->step].name));
  }

  void memory() {
    const bool somewhere = step().op == "read" || step().op == "write" || on_memory();
    if (step().memory != 0 && !somewhere) refuse("it uses none of the chain's memory");
    const std::int64_t from = on_memory() ? fixed(step().offset).value_or(0) : 0;
    constexpr auto kPage = static_cast<std::int64_t>(hw::kPageBytes);
    if (from % kPage != 0 || step().memory % kPage != 0)
      refuse("places in the chain's memory are whole pages of 4 KiB");
    if (somewhere && std::max({fixed(step().bytes).value_or(0), from, step().memory}) > kMostMemory)
      refuse("a chain's memory has 1 GiB at most");
    if (among(kFromElsewhere, step().op)) overlap();
    if (among(kCiphers, step().op) && fixed(step().bytes).value_or(0) % kBlock != 0)
      refuse("a cipher works on whole blocks of 16 bytes", "bytes = \"4 KiB\"");
    if (step().key != 0 && !among(kCiphers, step().op)) refuse("a key is for encrypt and decrypt");
    if (step().sources != 1 && step().op != "xor") refuse("sources are for xor");
    if (step().value != 0 && step().op != "memset") refuse("a value is for memset");
  }

  // Whoever takes over from a provider that failed reads the sources once more.
  void overlap() {
    const std::int64_t bytes = fixed(step().bytes).value_or(1);
    const std::int64_t from = fixed(step().offset).value_or(0);
    if (bytes > kMostMemory || from > kMostMemory || step().memory > kMostMemory) return;
    const std::int64_t written = step().op == "hash" ? kDigest : bytes;
    if (from < step().memory + written && step().memory < from + step().sources * bytes)
      refuse("it writes over what it reads", "another 'memory'");
  }

  void reactions() {
    if (step().on_short != chain::OnShort::accept && !transfers())
      refuse("on_short is for read, send and write");
    if (chain_.graph && step().on_error == chain::OnError::jump) refuse("a graph has no jumps");
    if (chain_.graph && step().loop_to) refuse("a graph has no loops");
  }

  void order() {
    if (!step().loop_to) return;
    const auto* const at = reference(step().offset);
    const bool moves_on = transfers() && at != nullptr && at->step == index_;
    if (step().rounds == 0 && !moves_on)
      refuse("its loop would never end",
             fmt::format("rounds = 10, or offset = \"${}.total\"", step().name));
    for (std::size_t k = *step().loop_to; k < index_; ++k)
      if (chain_.steps[k].loop_to && *chain_.steps[k].loop_to < *step().loop_to)
        refuse(fmt::format("its loop overlaps that of '{}'", chain_.steps[k].name));
  }

  // Steps that have ended when this one begins, a bit each.
  bool comes_before(std::size_t other) const {
    std::uint64_t before = 0;
    const auto add = [&](std::size_t of) {
      for (const std::size_t each : chain_.steps[of].after) before |= std::uint64_t{1} << each;
    };
    add(index_);
    for (std::size_t k = index_; k-- > 0;)
      if ((before >> k & 1) != 0) add(k);
    return (before >> other & 1) != 0;
  }

  void files() {
    if (step().fd && !chain_.graph) {
      for (std::size_t k = step().fd->step; k < index_; ++k)
        if (chain_.steps[k].op == "close" && chain_.steps[k].fd &&
            chain_.steps[k].fd->step == step().fd->step && !chain_.steps[k].loop_to)
          return refuse("its file is closed", "use a file before its close");
    }
    if (chain_.graph && step().fd && !comes_before(step().fd->step))
      refuse("its open need not have ended before it",
             fmt::format("after = [\"{}\"]", chain_.steps[step().fd->step].name));
    if (!step().fd) return;
    const ScenarioStep& opened = chain_.steps[step().fd->step];
    const bool unknown = reference(step().bytes) != nullptr || reference(step().offset) != nullptr;
    if (unknown && step().op != "write" && !opened.size)
      refuse(fmt::format("how long the file is must be known: say so at '{}'", opened.name),
             "size = \"1 MiB\"");
    if (goes_at_random() && has_flag(opened, "create"))
      refuse("a random offset needs a file that is there from the start");
    if (goes_at_random() && opened.size && fixed(step().bytes).value_or(0) > *opened.size)
      refuse(fmt::format("the file of '{}' is shorter than that", opened.name));
    if (step().op == "send") sends(opened);
  }

  // What is sent is compared with what the file was laid out with.
  void sends(const ScenarioStep& opened) {
    for (const ScenarioStep& other : chain_.steps) {
      const bool writes = other.op == "write" && chain_.steps[other.fd->step].path == opened.path;
      const bool changes =
          other.path == opened.path &&
          (other.op == "unlink" || has_flag(other, "create") || has_flag(other, "truncate"));
      if (writes || changes)
        refuse(fmt::format("step '{}' changes what it sends", other.name),
               "send another file, or write a scenario for each");
    }
    const auto sends = std::ranges::count_if(
        chain_.steps, [](const ScenarioStep& each) { return each.op == "send"; });
    if (chain_.graph && sends > 1) refuse("a graph sends once: what goes first would be chance");
  }

  const ScenarioChain& chain_;
  Diagnostics& diagnostics_;
  std::size_t index_ = 0;
};

}  // namespace

void check_script(const ScenarioChain& chain, Diagnostics& diagnostics) {
  if (chain.graph && chain.steps.size() > chain::kMaxGraphSteps)
    return diagnostics.error(chain.steps[chain::kMaxGraphSteps].place,
                             fmt::format("a graph has {} steps at most", chain::kMaxGraphSteps));
  if (chain.steps.size() > chain::kMaxSteps)
    return diagnostics.error(chain.steps[chain::kMaxSteps].place,
                             fmt::format("a chain has {} steps at most", chain::kMaxSteps));
  ScriptCheck(chain, diagnostics).run();
}

}  // namespace iodrome::workloads
