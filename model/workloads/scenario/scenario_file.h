// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/chain/chain.h"
#include "model/kernel/md/sync_action.h"
#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/text_source.h"
#include "model/workloads/scenario/load.h"

namespace iodrome::workloads {

enum class WorkloadKind { access_log, fio, chain, raid5_resync };
/// By value of the kind.
inline constexpr std::array<std::string_view, 4> workload_kind_names = {"access_log", "fio",
                                                                        "chain", "raid5_resync"};
/// What a resync may be, by value of kernel::SyncAction.
inline constexpr std::array<std::string_view, 4> sync_action_names = {"resync", "repair", "check",
                                                                      "recover"};
/// What a step may say to do `on_error`, and `on_short`; by value of chain::OnError and OnShort.
inline constexpr std::array<std::string_view, 4> error_reactions = {"stop", "continue", "retry",
                                                                    "jump"};
inline constexpr std::array<std::string_view, 2> poll_event_names = {"in", "out"};
inline constexpr std::array<std::string_view, 5> inotify_event_names = {
    "close_write", "moved_to", "create", "modify", "delete"};
/// A chain's priority, by its rank: chain::Priority::rank().
inline constexpr std::array<std::string_view, 17> priority_names = {
    "rt/0", "rt/1", "rt/2", "rt/3", "rt/4", "rt/5", "rt/6", "rt/7", "be/0",
    "be/1", "be/2", "be/3", "be/4", "be/5", "be/6", "be/7", "idle"};
inline constexpr std::array<std::string_view, 3> short_reactions = {"accept", "resume", "error"};

/// `$open.fd`: what an earlier step yielded.
struct StepReference {
  std::size_t step = 0;  ///< index into ScenarioChain::steps, below the step that refers, or its
                         ///< own for a `total`
  std::string result;    ///< `fd`, `size`, `bytes`, `total`, `offset`, `events`, `name`
};

/// `offset = "random"`: drawn anew for every request, a multiple of the step's bytes.
struct RandomOffset {};

/// A fixed number of bytes, an earlier step's result, or a draw.
using StepValue = std::variant<std::int64_t, StepReference, RandomOffset>;

/// One `[[chain.step]]`.
struct ScenarioStep {
  std::string op;
  std::string name;  ///< `name`, else `op`: what references call it
  std::optional<StepReference> fd;
  std::string path;
  std::optional<StepValue> bytes;
  std::optional<StepValue> offset;
  std::vector<std::string> flags;
  std::optional<std::int64_t> size;       ///< open: what the file is laid out with
  std::int64_t memory = 0;                ///< bytes into the chain's memory
  std::int64_t sources = 1;               ///< xor
  std::int64_t value = 0;                 ///< memset
  std::int64_t key = 0;                   ///< encrypt, decrypt
  std::optional<std::int64_t> time_ns;    ///< timeout
  std::optional<StepReference> to;        ///< send: the step whose socket it goes to
  std::int64_t port = 0;                  ///< accept, connect; 0: not said
  std::vector<std::string> events;        ///< poll, inotify
  std::optional<StepReference> named_by;  ///< open, unlink: the event that names the file in `path`
  chain::OnError on_error = chain::OnError::stop;
  chain::OnShort on_short = chain::OnShort::accept;
  std::int64_t retries = 0;
  std::optional<std::size_t> jump_to;  ///< a later step, or one beyond the last
  bool clean_up = false;
  std::optional<std::size_t> loop_to;  ///< this step or an earlier one
  std::int64_t rounds = 0;             ///< 0: until the file's end
  std::vector<std::size_t> after;      ///< earlier steps
  Place place;

  bool has_flag(std::string_view flag) const {
    return std::ranges::find(flags, flag) != flags.end();
  }
};

/// `[chain]`, or one of several `[[chain]]`: every client issues the steps `repeat` times,
/// `interval` apart or, without one, each after the end of the one before.
struct ScenarioChain {
  std::vector<ScenarioStep> steps;  ///< of all sets, one behind the other
  std::int64_t copies = 1;          ///< sets; each refers to itself alone
  std::int64_t repeat = 1;
  std::int64_t clients = 1;
  std::optional<std::int64_t> interval_ps;
  std::uint32_t deadline_us = 0;  ///< after a chain's arrival; 0: none
  bool graph = false;             ///< some step says `after`
  chain::Priority priority{};
};

/// A dotted parameter name and its value as written (strings without their quotes).
struct ParameterOverride {
  std::string key;
  std::string value;
  Place place;
};

/// One `[[published]]`: a figure that somebody measured or printed, to hold the simulated one
/// against.
struct PublishedFigure {
  std::string row;  ///< what the source calls it
  std::string design;
  std::vector<std::string> metrics;  ///< the figures of a run whose sum it is
  std::int64_t value = 0;            ///< picoseconds, or per second where `is_rate`
  bool is_rate = false;
  std::string source;
};

/// A scenario as its file states it; what the file leaves out is empty.
struct ScenarioFile {
  WorkloadKind kind = WorkloadKind::chain;
  std::string path;  ///< of the log or job file, resolved against the scenario's folder
  std::optional<Load> load;
  std::optional<std::int64_t> connections;
  std::string machine;
  std::vector<std::string> designs;
  std::optional<std::uint64_t> seed;
  std::vector<ParameterOverride> overrides;                     ///< `[set]`, by key
  std::vector<ScenarioChain> chains;                            ///< each with clients of its own
  kernel::SyncAction sync_action = kernel::SyncAction::resync;  ///< of a resync
  std::int64_t member_bytes = 0;  ///< of a resync: how far it goes on each member
  std::vector<PublishedFigure> published;
};

/// An operation that a step can name and what it yields to later steps.
struct StepOperation {
  std::string name;
  std::vector<std::string> results;
};

/// The names a scenario may use. An empty list is not checked.
struct ScenarioVocabulary {
  std::vector<StepOperation> operations = {
      {"open", {"fd"}}, {"stat", {"size"}},  {"read", {"bytes"}}, {"write", {"bytes"}},
      {"fsync", {}},    {"send", {"bytes"}}, {"close", {}}};
  std::vector<std::string> flags;
  std::vector<std::string> machines;
  std::vector<std::string> designs;
  std::vector<std::string> metrics;  ///< figures that `[[published]]` may name
};

/// Reads a scenario. Keys: `machine`, `designs`, `seed`; `[workload] kind, path, load,
/// connections, action, bytes`; `[set]`; `[chain]` or `[[chain]]` and `[[chain.step]]` as in
/// scenario_keys.h;
/// `[[published]] row, design, metrics, value, source`. `kind` may be left out where `[chain]` or
/// the path's suffix tells it. Errors: unknown keys and names (with the nearest), wrong types,
/// references to no earlier step; all in one pass, then nothing is returned.
[[nodiscard]] std::optional<ScenarioFile> read_scenario_file(TextSource& source,
                                                             const ScenarioVocabulary& vocabulary,
                                                             Diagnostics& diagnostics);

/// The kind a path's suffix names: `.fio`, `.log`, `.log.gz`.
[[nodiscard]] std::optional<WorkloadKind> workload_kind_of_path(std::string_view path);

}  // namespace iodrome::workloads
