// SPDX-License-Identifier: Apache-2.0
// The keys of scenario files as plain data, for whoever documents them. A test holds the list
// against what the reader asks for.
#pragma once

#include <array>
#include <string_view>

namespace iodrome::workloads {

struct ScenarioKey {
  std::string_view table;  ///< dotted name of its table, empty for the root
  std::string_view key;
  std::string_view form;  ///< what may be written; one word per way of reading it
  std::string_view help;
};

/// Every key but those of `[set]`, which are parameters. Order: as a file would have them.
inline constexpr std::array scenario_keys = {
    ScenarioKey{"", "machine", "machine", "Machine by name; --machine overrides."},
    ScenarioKey{"", "designs", "designs",
                "Designs to race, the reference first; --design overrides. Without it, all."},
    ScenarioKey{"", "seed", "seed", "Seed of every draw; --seed overrides. Without it, 1."},
    ScenarioKey{"", "workload", "table", "What is raced over."},
    ScenarioKey{"", "chain", "table", "A workload written here: chains of steps."},
    ScenarioKey{"", "set", "parameters", "Parameters by their dotted names; --set overrides."},
    ScenarioKey{"", "published", "figures",
                "Figures of others, to hold the simulated ones against."},
    ScenarioKey{"workload", "kind", "kind",
                "May be left out where [chain] or the suffix of 'path' tells it."},
    ScenarioKey{"workload", "path", "path",
                "The log or job file, relative to the scenario's folder."},
    ScenarioKey{"workload", "load", "load",
                "Of a log: a share of the link (0.6, \"60%\"), \"trace\" or \"closed:N\"."},
    ScenarioKey{"workload", "connections", "number", "Of a log: most connections at a time."},
    ScenarioKey{"workload", "action", "sync_action",
                "Of a resync: resync, repair, check or recover. Without it, resync."},
    ScenarioKey{"workload", "bytes", "size", "Of a resync: how far it goes on each member."},
    ScenarioKey{"chain", "repeat", "number", "Chains per client. Without it, 1."},
    ScenarioKey{"chain", "clients", "number",
                "Clients, each with a connection of its own. Without it, 1."},
    ScenarioKey{"chain", "interval", "duration",
                "Between arrivals of a client; without it, each chain starts after the last."},
    ScenarioKey{"chain", "step", "steps", "The steps, in order."},
    ScenarioKey{"chain.step", "op", "operation", "What the step does."},
    ScenarioKey{"chain.step", "name", "name",
                "What references call the step; without it, its operation."},
    ScenarioKey{"chain.step", "fd", "descriptor", "The step that opened the file: \"$open.fd\"."},
    ScenarioKey{"chain.step", "path", "path", "Of open: the file."},
    ScenarioKey{"chain.step", "bytes", "value", "Of read and send: how many bytes."},
    ScenarioKey{"chain.step", "offset", "offset",
                "Of read and send: where; \"random\" draws a multiple of 'bytes' per request."},
    ScenarioKey{"chain.step", "flags", "flags", "\"direct\": past the page cache."},
    ScenarioKey{"chain.step", "on_error", "reaction",
                "Whether an error ends the chain, which it does without it."},
    ScenarioKey{"published", "row", "name", "What its source calls the figure."},
    ScenarioKey{"published", "design", "design", "Whose figure it is."},
    ScenarioKey{"published", "metrics", "metrics",
                "The figures of a run whose sum is compared: mean, p50, requests_per_s, "
                "stages.device, costs.bio_submit."},
    ScenarioKey{"published", "value", "figure",
                "A time (\"6270 ns\"), or a whole number per second for requests_per_s."},
    ScenarioKey{"published", "source", "name", "Where it was published or how it was measured."},
};

}  // namespace iodrome::workloads
