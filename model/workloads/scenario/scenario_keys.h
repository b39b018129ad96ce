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
    ScenarioKey{"", "chain", "chains",
                "A workload written here: chains of steps. [chain] is one kind of them, [[chain]] "
                "several, each with clients of its own."},
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
    ScenarioKey{"chain", "copies", "number",
                "The steps stand in one chain that often, one set behind the other; {copy} in a "
                "path is the number of its set. Without it, 1."},
    ScenarioKey{"chain", "deadline", "duration",
                "After its arrival a chain has this long, in whole us; then what has not begun is "
                "cancelled, but for the clean-up, and the request fails with ETIME."},
    ScenarioKey{
        "chain", "priority", "priority",
        "Of ioprio_set(2): \"rt/0\" to \"rt/7\", \"be/0\" to \"be/7\" or \"idle\". With task_chain "
        "the order in which waiting chains are taken up. Without it, be/4."},
    ScenarioKey{"chain", "step", "steps", "The steps, in order."},
    ScenarioKey{"chain.step", "op", "operation", "What the step does."},
    ScenarioKey{"chain.step", "name", "name",
                "What references call the step; without it, its operation."},
    ScenarioKey{"chain.step", "fd", "descriptor",
                "The step that opened the file or made the socket: \"$open.fd\", "
                "\"$accept.fd\". A send without it is of the chain's memory."},
    ScenarioKey{"chain.step", "to", "descriptor",
                "Of send: the step whose socket it goes to; without it, the client's connection."},
    ScenarioKey{"chain.step", "port", "port",
                "Of accept and connect: a port of the machine's loopback. Somebody listens at each "
                "port that a step accepts from."},
    ScenarioKey{"chain.step", "events", "events",
                "Of poll: what it waits for, \"in\" or \"out\"; without it, \"in\". Of inotify: "
                "close_write, moved_to, create, modify or delete; without it, the first two."},
    ScenarioKey{"chain.step", "path", "path",
                "Of open and unlink: the file; {request} stands for the request's number, and "
                "\"$inotify.name\" for the file that an event names. Of inotify: the directory."},
    ScenarioKey{"chain.step", "size", "bytes",
                "Of open: how long the file is; where an event names it, at most."},
    ScenarioKey{"chain.step", "bytes", "value",
                "How many bytes; \"$stat.size\" and the like are what an earlier step yielded."},
    ScenarioKey{"chain.step", "offset", "offset",
                "Of transfers: where in the file; \"random\" draws a multiple of 'bytes' per "
                "request, \"$read.offset\" is where another step goes to, \"$send.total\" what "
                "all rounds have moved. Of copy, xor, encrypt, decrypt and hash: where the "
                "(first) source lies in the chain's memory."},
    ScenarioKey{"chain.step", "memory", "bytes",
                "Where in the chain's memory it reads into, writes from or works on: whole pages."},
    ScenarioKey{"chain.step", "sources", "number",
                "Of xor: how many blocks of 'bytes', one behind the other."},
    ScenarioKey{"chain.step", "value", "byte", "Of memset: what every byte becomes."},
    ScenarioKey{"chain.step", "time", "duration", "Of timeout: how long it waits, in whole ns."},
    ScenarioKey{"chain.step", "key", "byte",
                "Of encrypt and decrypt: the number of the key. Without it, 0."},
    ScenarioKey{"chain.step", "flags", "flags",
                "\"direct\": past the page cache; of open \"create\" and \"truncate\"."},
    ScenarioKey{"chain.step", "on_error", "reaction",
                "What an error does to the rest: stop it (without this key), continue, retry the "
                "step, or jump to another."},
    ScenarioKey{"chain.step", "retries", "number", "How often, with on_error = \"retry\"."},
    ScenarioKey{"chain.step", "jump_to", "name",
                "Where to, with on_error = \"jump\": a later step, or \"end\"."},
    ScenarioKey{"chain.step", "on_short", "short_reaction",
                "What it means that less was moved: accept it (without this key), resume with the "
                "rest, or take it for an error."},
    ScenarioKey{"chain.step", "clean_up", "boolean", "It runs whatever happened before."},
    ScenarioKey{"chain.step", "loop_to", "name",
                "After this step the chain goes back to that one, which may be itself."},
    ScenarioKey{"chain.step", "rounds", "number",
                "Of the loop; without it, until a transfer comes to the end."},
    ScenarioKey{"chain.step", "after", "names",
                "Makes the chain a graph: the steps that it waits for; all others run beside it."},
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
