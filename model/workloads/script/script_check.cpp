// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "hw/memory/memory.h"

namespace iodrome::workloads {

namespace {

constexpr std::int64_t kMostMemory = std::int64_t{1} << 30;
constexpr auto kBlock = static_cast<std::int64_t>(chain::kCipherBlock);
constexpr auto kDigest = static_cast<std::int64_t>(chain::kDigestBytes);
constexpr std::string_view kTransfers[] = {"read", "send", "write", "receive"};
constexpr std::string_view kOnMemory[] = {"copy",    "xor",     "memset", "crc32c",
                                          "encrypt", "decrypt", "hash"};
constexpr std::string_view kFromElsewhere[] = {"copy", "xor", "encrypt", "decrypt", "hash"};
constexpr std::string_view kCiphers[] = {"encrypt", "decrypt"};
constexpr std::string_view kWithoutFile[] = {"nop",    "open",    "unlink", "timeout",
                                             "accept", "connect", "inotify"};
constexpr std::string_view kSockets[] = {"accept", "connect"};
constexpr std::string_view kOnSockets[] = {"receive", "poll", "close"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], const std::string& name) {
  return std::ranges::find(names, name) != std::end(names);
}

class ScriptCheck {
 public:
  ScriptCheck(std::span<const ScenarioChain> all, const ScenarioChain& chain,
              Diagnostics& diagnostics)
      : all_(all), chain_(chain), diagnostics_(diagnostics) {}

  void run() {
    // What is wrong with a step is wrong with its copies, and told once.
    const std::size_t set = chain_.steps.size() / static_cast<std::size_t>(chain_.copies);
    for (index_ = 0; index_ < set; ++index_) {
      operands();
      network();
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
    const bool named = step().op == "open" || step().op == "unlink" || step().op == "inotify";
    if (named && step().path.empty()) refuse(step().op + " needs a path", "path = \"/index.html\"");
    if (!named && !step().path.empty()) refuse("a path is for open and unlink, and for inotify");
    if (step().op == "inotify" && step().path.find('{') != std::string::npos)
      refuse("one directory is watched for all requests", "path = \"/spool\"");
    if (step().named_by &&
        (step().op == "inotify" || chain_.steps[step().named_by->step].op != "inotify"))
      refuse("an event names a file for open and unlink");
    if (step().named_by && step().has_flag("create"))
      refuse("the file that an event names is there");
    const bool needs_fd = !on_memory() && !among(kWithoutFile, step().op) && step().op != "send";
    const bool may_have_fd = needs_fd || step().op == "send";
    if (needs_fd && !step().fd) refuse("it needs a descriptor", "fd = \"$open.fd\"");
    if (!may_have_fd && step().fd) refuse("it uses no descriptor");
    if (step().size && step().op != "open") refuse("a size is for open");
    if ((step().op == "timeout") != step().time_ns.has_value())
      refuse(step().time_ns ? "a time is for timeout" : "it needs a time", "time = \"100 us\"");
    for (const std::string& flag : step().flags)
      if (step().op != "open" && flag != "direct") refuse("\"" + flag + "\" is a flag of open");
  }

  // A socket is for what speaks through it, a file for the rest.
  void network() {
    const bool has_port = among(kSockets, step().op);
    if (has_port && step().port == 0) refuse("it needs a port", "port = 8080");
    if (!has_port && step().port != 0) refuse("a port is for accept and connect");
    if (!step().events.empty() && step().op != "poll" && step().op != "inotify")
      refuse("events are for poll and inotify");
    if (step().to && step().op != "send") refuse("'to' is for send");
    if (step().to && !makes_socket(*step().to))
      refuse(fmt::format("'{}' makes no socket", chain_.steps[step().to->step].name),
             "to = \"$accept.fd\" or \"$connect.fd\"");
    if (step().op == "send" && !step().fd && !step().to)
      refuse("it sends memory, of which the client at the other end knows nothing",
             "fd = \"$open.fd\", or to = \"$accept.fd\"");
    if (!step().fd) return;
    if (makes_socket(*step().fd) && !among(kOnSockets, step().op))
      refuse(step().op == "send" ? "it sends a file" : "it works on files, not on sockets",
             step().op == "send" ? "to = \"$accept.fd\" for where it goes" : "");
    if (!makes_socket(*step().fd) && step().op == "receive")
      refuse("it receives from sockets alone", "fd = \"$accept.fd\"");
  }
  bool makes_socket(const StepReference& of) const {
    return among(kSockets, chain_.steps[of.step].op);
  }

  void numbers() {
    if (!transfers() && !on_memory() && (step().bytes || step().offset))
      return refuse("it moves no bytes");
    const bool in_stream = step().op == "receive" || (step().op == "send" && !step().fd);
    if (step().offset && (in_stream || (on_memory() && !among(kFromElsewhere, step().op))))
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
    const bool somewhere = step().op == "read" || step().op == "write" || step().op == "inotify" ||
                           step().op == "receive" || (step().op == "send" && !step().fd) ||
                           on_memory();
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
      refuse("on_short is for read, send, write and receive");
    if (chain_.graph && step().on_error == chain::OnError::jump) refuse("a graph has no jumps");
    if (chain_.graph && step().loop_to) refuse("a graph has no loops");
  }

  void order() {
    if (!step().loop_to) return;
    const auto* const at = reference(step().offset);
    const bool moves_on = transfers() && at != nullptr && at->step == index_;
    if (step().rounds == 0 && !moves_on && !follows_stream())
      refuse("its loop would never end",
             fmt::format("rounds = 10, or offset = \"${}.total\"", step().name));
    for (std::size_t k = *step().loop_to; k < index_; ++k)
      if (chain_.steps[k].loop_to && *chain_.steps[k].loop_to < *step().loop_to)
        refuse(fmt::format("its loop overlaps that of '{}'", chain_.steps[k].name));
  }

  // A stream comes to its end, and so does who sends on just what the loop has taken out of it.
  bool follows_stream() const {
    if (step().op == "receive") return true;
    const auto* const passed_on = reference(step().bytes);
    return step().op == "send" && !step().fd && passed_on != nullptr &&
           passed_on->result == "bytes" && passed_on->step >= *step().loop_to &&
           chain_.steps[passed_on->step].op == "receive";
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
    for (const auto& used : {step().fd, step().to, step().named_by})
      if (used && !still_open(*used)) return;
    if (!step().fd || makes_socket(*step().fd)) return;
    const ScenarioStep& opened = chain_.steps[step().fd->step];
    const bool unknown = reference(step().bytes) != nullptr || reference(step().offset) != nullptr;
    if (opened.named_by && (step().op == "send" || goes_at_random()))
      return refuse("which file an event will name is not known before it runs");
    if (unknown && step().op != "write" && !opened.size)
      refuse(fmt::format("how long the file is must be known: say so at '{}'", opened.name),
             "size = \"1 MiB\"");
    if (goes_at_random() && opened.has_flag("create"))
      refuse("a random offset needs a file that is there from the start");
    if (goes_at_random() && opened.size && fixed(step().bytes).value_or(0) > *opened.size)
      refuse(fmt::format("the file of '{}' is shorter than that", opened.name));
    if (step().op == "send") sends(opened);
  }

  // False: it was told why not.
  bool still_open(const StepReference& used) {
    if (chain_.graph && !comes_before(used.step)) {
      refuse(fmt::format("its {} need not have ended before it", chain_.steps[used.step].op),
             fmt::format("after = [\"{}\"]", chain_.steps[used.step].name));
      return false;
    }
    for (std::size_t k = used.step; k < index_ && !chain_.graph; ++k) {
      const ScenarioStep& other = chain_.steps[k];
      if (other.op != "close" || !other.fd || other.fd->step != used.step || other.loop_to)
        continue;
      refuse("its file is closed", "use a file before its close");
      return false;
    }
    return true;
  }

  // What is sent is compared with what the file was laid out with.
  void sends(const ScenarioStep& opened) {
    for (const ScenarioChain& chain : all_) {
      for (const ScenarioStep& other : chain.steps) {
        const bool writes =
            other.op == "write" && other.fd && chain.steps[other.fd->step].path == opened.path;
        const bool changes =
            other.path == opened.path &&
            (other.op == "unlink" || other.has_flag("create") || other.has_flag("truncate"));
        if (writes || changes)
          refuse(fmt::format("step '{}' changes what it sends", other.name),
                 "send another file, or write a scenario for each");
      }
    }
    if (!step().to && (peer_decides(index_) || in_loop_of_peer()))
      refuse("how much the client at the other end is to expect is not known before it runs",
             "bytes = \"4 KiB\" and no loop over a stream, or to = \"$accept.fd\"");
    const auto sends = std::ranges::count_if(
        chain_.steps, [](const ScenarioStep& each) { return each.op == "send" && !each.to; });
    if (chain_.graph && sends > 1) refuse("a graph sends once: what goes first would be chance");
  }

  // What moves over a socket or in a file that an event names, and what follows from that, is not
  // known before the run.
  bool peer_decides(std::size_t index) const {
    const ScenarioStep& of = chain_.steps[index];
    if (of.op == "receive" || (of.op == "send" && of.to)) return true;
    if (of.fd && chain_.steps[of.fd->step].named_by) return true;
    const auto follows = [&](const StepReference* used) {
      return used != nullptr && used->step != index && peer_decides(used->step);
    };
    return follows(reference(of.bytes)) || follows(reference(of.offset));
  }
  bool in_loop_of_peer() const {
    for (std::size_t k = index_; k < chain_.steps.size(); ++k)
      if (chain_.steps[k].loop_to && *chain_.steps[k].loop_to <= index_ && peer_decides(k))
        return true;
    return false;
  }

  const std::span<const ScenarioChain> all_;
  const ScenarioChain& chain_;
  Diagnostics& diagnostics_;
  std::size_t index_ = 0;
};

// Of one port: what all clients together do in steps of that kind, or nothing where loops, jumps
// and retries make it depend on the run.
std::optional<std::int64_t> times(std::span<const ScenarioChain> chains, std::string_view op,
                                  std::int64_t port) {
  std::int64_t count = 0;
  for (const ScenarioChain& chain : chains) {
    std::int64_t steps = 0;
    bool known = chain.deadline_us == 0;
    for (const ScenarioStep& step : chain.steps) {
      steps += step.op == op && step.port == port ? 1 : 0;
      known = known && !step.loop_to && step.on_error != chain::OnError::jump &&
              step.on_error != chain::OnError::retry;
    }
    if (steps > 0 && !known) return std::nullopt;
    if (__builtin_mul_overflow(steps, chain.repeat, &steps) ||
        __builtin_mul_overflow(steps, chain.clients, &steps) ||
        __builtin_add_overflow(count, steps, &count))
      return std::nullopt;
  }
  return count;
}

// Who accepts more than ever connect would wait for ever.
void check_ports(std::span<const ScenarioChain> chains, Diagnostics& diagnostics) {
  std::set<std::int64_t> told;
  for (const ScenarioChain& chain : chains)
    for (const ScenarioStep& step : chain.steps) {
      if (step.op != "accept" || !told.insert(step.port).second) continue;
      const auto accepted = times(chains, "accept", step.port);
      const auto made = times(chains, "connect", step.port);
      if (accepted && made && *accepted > *made)
        diagnostics.error(step.place,
                          fmt::format("{} connections are accepted at port {}, and {} are made: "
                                      "the rest would wait for ever",
                                      *accepted, step.port, *made),
                          "as many as connect: clients, repeat");
    }
}

}  // namespace

void check_script(std::span<const ScenarioChain> chains, Diagnostics& diagnostics) {
  for (const ScenarioChain& chain : chains) {
    if (chain.graph && chain.steps.size() > chain::kMaxGraphSteps)
      diagnostics.error(chain.steps[chain::kMaxGraphSteps].place,
                        fmt::format("a graph has {} steps at most", chain::kMaxGraphSteps));
    else if (chain.steps.size() > chain::kMaxSteps)
      diagnostics.error(chain.steps[chain::kMaxSteps].place,
                        fmt::format("a chain has {} steps at most", chain::kMaxSteps));
  }
  if (!diagnostics.ok()) return;
  for (const ScenarioChain& chain : chains) ScriptCheck(chains, chain, diagnostics).run();
  if (diagnostics.ok()) check_ports(chains, diagnostics);
}

}  // namespace iodrome::workloads
