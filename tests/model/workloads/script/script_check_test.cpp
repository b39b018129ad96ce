// SPDX-License-Identifier: Apache-2.0
// What a scenario's chain may not say, and what it is told then.
#include "model/workloads/script/script_check.h"

#include <catch2/catch.hpp>

#include "model/testbed/preparation.h"
#include "model/workloads/script/script_workload.h"

namespace iodrome::workloads {
namespace {

// Everything that is wrong with a chain that opens a file called open and goes on so.
std::string told(std::initializer_list<const char*> steps) {
  std::string text = "[[chain.step]]\nop = \"open\"\npath = \"/f\"\nsize = \"1 MiB\"\n";
  for (const char* const step : steps) text += std::string("[[chain.step]]\n") + step + "\n";
  Diagnostics diagnostics;
  TextSource source = TextSource::from_text("s.toml", text, 16'384);
  const auto file = read_scenario_file(source, testbed::scenario_vocabulary(), diagnostics);
  if (file) static_cast<void>(ScriptWorkload::make(file->chains, diagnostics));
  return diagnostics.render();
}
using Catch::Contains;

constexpr const char* kRead = "op = \"read\"\nfd = \"$open.fd\"\nbytes = 4096";

TEST_CASE("chains of all kinds of steps and rules are fine") {
  CHECK(told({kRead, "op = \"close\"\nfd = \"$open.fd\""}).empty());
  CHECK(told({"op = \"send\"\nfd = \"$open.fd\"\nbytes = \"64 KiB\"\noffset = \"$send.total\"\n"
              "loop_to = \"send\""})
            .empty());
  CHECK(told({"op = \"read\"\nfd = \"$open.fd\"\nbytes = 4096\nafter = [\"open\"]",
              "op = \"xor\"\nbytes = 2048\nsources = 2\nmemory = 4096\nafter = [\"read\"]"})
            .empty());
  CHECK(told({"op = \"read\"\nfd = \"$open.fd\"\nbytes = 4096\non_error = \"jump\"\n"
              "jump_to = \"end\"",
              "op = \"unlink\"\npath = \"/g\"\nclean_up = true",
              "op = \"stat\"\nfd = \"$open.fd\"\non_error = \"retry\"\nretries = 3",
              "op = \"crc32c\"\nbytes = \"$read.bytes\""})
            .empty());
  CHECK(told({kRead, "op = \"encrypt\"\nbytes = 4096\nmemory = 4096\nkey = 255",
              "op = \"hash\"\nbytes = 8192\nmemory = 8192",
              "op = \"decrypt\"\nbytes = \"$read.bytes\"\noffset = 4096\nmemory = 8192"})
            .empty());
}

TEST_CASE("operands that an operation does not have are told") {
  CHECK_THAT(told({"op = \"read\"\nbytes = 1"}), Contains("it needs a descriptor"));
  CHECK_THAT(told({"op = \"memset\"\nbytes = 1\nfd = \"$open.fd\""}),
             Contains("it uses no descriptor"));
  CHECK_THAT(told({"op = \"unlink\""}), Contains("unlink needs a path"));
  CHECK_THAT(told({"op = \"nop\"\npath = \"/x\""}),
             Contains("a path is for open and unlink, and for inotify"));
  CHECK_THAT(told({"op = \"copy\""}), Contains("it needs a number of bytes"));
  CHECK_THAT(told({"op = \"nop\"\nsize = 5"}), Contains("a size is for open"));
  CHECK_THAT(told({"op = \"nop\"\nmemory = 4096"}), Contains("none of the chain's memory"));
  CHECK_THAT(told({"op = \"copy\"\nbytes = 1\nmemory = 100"}), Contains("whole pages"));
  CHECK_THAT(told({"op = \"copy\"\nbytes = 1\noffset = 100"}), Contains("whole pages"));
  CHECK_THAT(told({"op = \"copy\"\nbytes = 1\nsources = 2"}), Contains("sources are for xor"));
  CHECK_THAT(told({"op = \"xor\"\nbytes = 1\nvalue = 2"}), Contains("a value is for memset"));
  CHECK_THAT(told({"op = \"timeout\""}), Contains("it needs a time"));
  CHECK_THAT(told({"op = \"nop\"\ntime = \"1 us\""}), Contains("a time is for timeout"));
  CHECK_THAT(told({"op = \"timeout\"\ntime = \"10 ps\""}), Contains("whole ns"));
  CHECK_THAT(told({"op = \"timeout\"\ntime = \"0 s\""}), Contains("whole ns"));
  CHECK_THAT(told({"op = \"timeout\"\ntime = \"2000000 s\""}), Contains("1000000000000000"));
  CHECK_THAT(told({"op = \"xor\"\nbytes = 1\nsources = 17"}), Contains("must be from 1 to 16"));
  CHECK_THAT(told({"op = \"stat\"\nfd = \"$open.fd\"\nflags = [\"create\"]"}),
             Contains("\"create\" is a flag of open"));
}

TEST_CASE("numbers on steps that move nothing, and places that overlap, are told") {
  CHECK_THAT(told({"op = \"nop\"\nbytes = 4096\noffset = \"random\""}), Contains("moves no bytes"));
  CHECK_THAT(told({kRead, "op = \"stat\"\nfd = \"$open.fd\"\nbytes = \"$read.bytes\""}),
             Contains("moves no bytes"));
  CHECK_THAT(told({"op = \"crc32c\"\nbytes = 1\noffset = 4096"}), Contains("'memory'"));
  CHECK_THAT(told({"op = \"stat\"\nfd = \"$open.fd\"",
                   "op = \"read\"\nfd = \"$open.fd\"\nbytes = \"$stat.size\"\n"
                   "offset = \"random\""}),
             Contains("a fixed number of bytes"));
  CHECK_THAT(told({"op = \"copy\"\nbytes = 4096"}), Contains("writes over what it reads"));
  CHECK_THAT(told({"op = \"xor\"\nbytes = 4096\nsources = 3\nmemory = 8192"}),
             Contains("writes over what it reads"));
  CHECK_THAT(told({"op = \"encrypt\"\nbytes = 4096"}), Contains("writes over what it reads"));
  CHECK_THAT(told({"op = \"hash\"\nbytes = 4097\nmemory = 4096"}),
             Contains("writes over what it reads"));
  CHECK_THAT(told({"op = \"encrypt\"\nbytes = 100\nmemory = 4096"}),
             Contains("step 'encrypt': a cipher works on whole blocks of 16 bytes"));
  CHECK_THAT(told({"op = \"hash\"\nbytes = 16\nmemory = 4096\nkey = 1"}),
             Contains("a key is for encrypt and decrypt"));
  CHECK_THAT(told({"op = \"decrypt\"\nbytes = 16\nmemory = 4096\nkey = 256"}),
             Contains("must be from 0 to 255"));
  CHECK_THAT(told({"op = \"decript\"\nbytes = 16"}), Contains("'decrypt'"));
  CHECK_THAT(told({"op = \"memset\"\nbytes = \"1 TiB\""}), Contains("1 GiB"));
  CHECK_THAT(told({"op = \"memset\"\nbytes = 1\nmemory = \"1 PiB\""}), Contains("1 GiB"));
  CHECK_THAT(told({"op = \"close\"", kRead}), Contains("it needs a descriptor"));
}

TEST_CASE("rules that cannot be kept are told") {
  const std::string read = kRead;
  const auto with = [&](const char* rule) { return told({(read + "\n" + rule).c_str()}); };
  CHECK_THAT(with("on_error = \"retry\""), Contains("come together"));
  CHECK_THAT(with("retries = 3"), Contains("come together"));
  CHECK_THAT(with("on_error = \"jump\""), Contains("come together"));
  CHECK_THAT(with("on_error = \"jump\"\njump_to = \"open\""), Contains("no later step"));
  CHECK_THAT(with("loop_to = \"read\""), Contains("never end") && Contains("$read.total"));
  CHECK_THAT(with("rounds = 3"), Contains("without 'loop_to'"));
  CHECK_THAT(with("loop_to = \"close\"\nrounds = 1"), Contains("no earlier step"));
  CHECK_THAT(told({"op = \"nop\"\non_short = \"resume\""}), Contains("on_short is for read"));
  CHECK_THAT(told({"op = \"nop\"\nname = \"a\"",
                   "op = \"nop\"\nname = \"b\"\nloop_to = \"a\"\n"
                   "rounds = 2",
                   "op = \"nop\"\nname = \"c\"\nloop_to = \"b\"\nrounds = 2"}),
             Contains("overlaps that of 'b'"));
}

TEST_CASE("a graph is told what it cannot have") {
  CHECK_THAT(told({"op = \"stat\"\nfd = \"$open.fd\"", "op = \"nop\"\nafter = [\"stat\"]"}),
             Contains("its open need not have ended before it") && Contains("after = [\"open\"]"));
  CHECK_THAT(told({"op = \"stat\"\nfd = \"$open.fd\"\nafter = [\"open\"]",
                   "op = \"read\"\nfd = \"$open.fd\"\nbytes = \"$stat.size\"\nafter = [\"open\"]"}),
             Contains("'stat' need not have ended before it"));
  CHECK_THAT(told({"op = \"nop\"\nafter = [\"open\"]\nloop_to = \"nop\"\nrounds = 2"}),
             Contains("a graph has no loops"));
  CHECK_THAT(told({"op = \"nop\"\nafter = [\"open\"]\non_error = \"jump\"\njump_to = \"end\""}),
             Contains("a graph has no jumps"));
}

TEST_CASE("a chain that could not be checked is refused") {
  CHECK_THAT(told({"op = \"write\"\nfd = \"$open.fd\"\nbytes = 1",
                   "op = \"send\"\nfd = \"$open.fd\"\nbytes = 1"}),
             Contains("step 'write' changes what it sends"));
  CHECK_THAT(
      told({"op = \"open\"\nname = \"short\"\npath = \"/s\"", "op = \"stat\"\nfd = \"$short.fd\"",
            "op = \"read\"\nfd = \"$short.fd\"\nbytes = \"$stat.size\""}),
      Contains("say so at 'short'"));
  const char* const make = "op = \"open\"\nname = \"made\"\npath = \"/new\"\nflags = [\"create\"]";
  CHECK_THAT(told({make, "op = \"send\"\nfd = \"$made.fd\"\nbytes = 1"}),
             Contains("step 'made' changes what it sends"));
  CHECK_THAT(told({make, "op = \"write\"\nfd = \"$made.fd\"\nbytes = 1\noffset = \"random\""}),
             Contains("there from the start"));
  CHECK_THAT(
      told({"op = \"send\"\nfd = \"$open.fd\"\nbytes = 1", "op = \"unlink\"\npath = \"/f\""}),
      Contains("step 'unlink' changes what it sends"));
  CHECK_THAT(told({"op = \"read\"\nfd = \"$open.fd\"\nbytes = \"2 MiB\"\noffset = \"random\""}),
             Contains("shorter than that"));
  CHECK_THAT(told({"op = \"close\"\nfd = \"$open.fd\"", kRead}), Contains("its file is closed"));
}

// --- sockets ------------------------------------------------------------------------------------

constexpr const char* kAccept = "op = \"accept\"\nport = 80";
constexpr const char* kConnect = "op = \"connect\"\nport = 80";
constexpr const char* kReceive = "op = \"receive\"\nfd = \"$accept.fd\"\nbytes = 4096";

TEST_CASE("steps over sockets of the loopback are fine") {
  CHECK(told({kConnect, kAccept, kReceive,
              "op = \"send\"\nto = \"$connect.fd\"\nbytes = \"$receive.bytes\"",
              "op = \"send\"\nfd = \"$open.fd\"\nto = \"$connect.fd\"\nbytes = 4096\nname = \"f\"",
              "op = \"poll\"\nfd = \"$connect.fd\"\nevents = [\"in\", \"out\"]",
              "op = \"close\"\nfd = \"$connect.fd\""})
            .empty());
  CHECK(told({kConnect, kAccept,
              "op = \"receive\"\nfd = \"$accept.fd\"\nbytes = 4096\nloop_to = \"receive\""})
            .empty());
}

TEST_CASE("what a step over sockets lacks, or has too much, is told") {
  CHECK_THAT(told({"op = \"accept\""}), Contains("it needs a port"));
  CHECK_THAT(told({"op = \"nop\"\nport = 80"}), Contains("a port is for accept and connect"));
  CHECK_THAT(told({"op = \"connect\"\nport = 65536"}), Contains("65535"));
  CHECK_THAT(told({"op = \"nop\"\nevents = [\"in\"]"}), Contains("events are for poll"));
  CHECK_THAT(told({"op = \"poll\"\nfd = \"$open.fd\"\nevents = [\"on\"]"}),
             Contains("unknown event 'on'") && Contains("did you mean 'in'"));
  CHECK_THAT(told({"op = \"send\"\nbytes = 4096"}), Contains("it sends memory"));
  CHECK_THAT(told({"op = \"receive\"\nfd = \"$open.fd\"\nbytes = 1"}),
             Contains("it receives from sockets alone"));
  CHECK_THAT(told({kConnect, "op = \"read\"\nfd = \"$connect.fd\"\nbytes = 1"}),
             Contains("it works on files, not on sockets"));
  CHECK_THAT(told({kConnect, "op = \"send\"\nfd = \"$connect.fd\"\nbytes = 1"}),
             Contains("it sends a file"));
  CHECK_THAT(told({"op = \"send\"\nto = \"$open.fd\"\nbytes = 1"}),
             Contains("'open' makes no socket"));
  CHECK_THAT(told({kConnect, "op = \"nop\"\nto = \"$connect.fd\""}), Contains("'to' is for send"));
  CHECK_THAT(
      told({kConnect, kAccept, "op = \"receive\"\nfd = \"$accept.fd\"\nbytes = 1\noffset = 1"}),
      Contains("its place in the chain's memory is 'memory'"));
  CHECK_THAT(told({kConnect, "op = \"close\"\nfd = \"$connect.fd\"",
                   "op = \"send\"\nto = \"$connect.fd\"\nbytes = 1"}),
             Contains("its file is closed"));
}

TEST_CASE("how much the client at the other end gets is not left to a peer") {
  constexpr const char* kSend = "op = \"send\"\nfd = \"$open.fd\"\nbytes = ";
  const auto told_of = [&](const std::string& bytes, const char* before, const char* more = "") {
    const std::string send = kSend + bytes + more;
    return told({kConnect, kAccept, kReceive, before, send.c_str()});
  };
  constexpr const char* kNop = "op = \"nop\"";
  constexpr const char* kMessage = "is not known before it runs";
  CHECK_THAT(told_of("\"$receive.bytes\"", kNop), Contains(kMessage));
  CHECK_THAT(told_of("\"$answer.bytes\"",
                     "op = \"send\"\nname = \"answer\"\nto = \"$connect.fd\"\nbytes = 1"),
             Contains(kMessage));
  CHECK_THAT(
      told_of("\"$read.bytes\"", "op = \"read\"\nfd = \"$open.fd\"\nbytes = \"$receive.bytes\""),
      Contains(kMessage));
  CHECK(told_of("4096", kNop).empty());
  CHECK(told_of("\"$receive.bytes\"", kNop, "\nto = \"$connect.fd\"").empty());
  CHECK_THAT(told({kConnect, kAccept, "op = \"send\"\nfd = \"$open.fd\"\nbytes = 4096",
                   "op = \"receive\"\nfd = \"$accept.fd\"\nbytes = 1\nloop_to = \"send\"\n"
                   "rounds = 2"}),
             Contains(kMessage));
}

TEST_CASE("an event of a watched directory names a file for open and unlink alone") {
  const char* const inotify = "op = \"inotify\"\npath = \"/spool\"\nevents = [\"create\"]";
  const char* const named = "op = \"open\"\nname = \"n\"\npath = \"$inotify.name\"\nsize = 4096";
  CHECK(told({inotify, named, "op = \"read\"\nfd = \"$n.fd\"\nbytes = 4096\nmemory = 4096",
              "op = \"unlink\"\npath = \"$inotify.name\""})
            .empty());
  CHECK_THAT(told({"op = \"inotify\""}), Contains("inotify needs a path"));
  CHECK_THAT(told({"op = \"inotify\"\npath = \"/s/{request}\""}),
             Contains("one directory is watched for all requests"));
  CHECK_THAT(told({"op = \"inotify\"\npath = \"/s\"\nevents = [\"in\"]"}),
             Contains("unknown event 'in'"));
  CHECK_THAT(told({"op = \"open\"\nname = \"n\"\npath = \"$open.fd\""}),
             Contains("is no file's name"));
  CHECK_THAT(told({inotify, named, "op = \"send\"\nfd = \"$n.fd\"\nbytes = 1"}),
             Contains("which file an event will name is not known before it runs"));
  CHECK_THAT(told({inotify, "op = \"open\"\nname = \"n\"\npath = \"$inotify.name\"",
                   "op = \"stat\"\nfd = \"$n.fd\"",
                   "op = \"read\"\nfd = \"$n.fd\"\nbytes = \"$stat.size\""}),
             Contains("how long the file is must be known"));
  CHECK_THAT(told({inotify, named, "op = \"read\"\nfd = \"$n.fd\"\nbytes = 64",
                   "op = \"send\"\nfd = \"$open.fd\"\nbytes = \"$read.bytes\""}),
             Contains("is to expect is not known before it runs"));
  CHECK_THAT(told({inotify, "op = \"memset\"\nbytes = \"$inotify.name\""}),
             Contains("is a file's name, not a number of bytes"));
}

TEST_CASE("more connections accepted than made are told before somebody waits for ever") {
  CHECK_THAT(told({kAccept}), Contains("1 connections are accepted at port 80, and 0 are made"));
  CHECK(told({kConnect, kAccept}).empty());
}

}  // namespace
}  // namespace iodrome::workloads
