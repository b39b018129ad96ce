// SPDX-License-Identifier: Apache-2.0
// The life of a request as the application sees it.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A request's cookie, as events carry it, is its number times 65536 plus a slot of its thread.
constexpr std::uint64_t request_number(std::uint64_t cookie) {
  return cookie >> 16;
}

/// The application turns to a request, which arrived at `arrival` (ps) and is in stage `submit`
/// now.
struct IoSubmit {
  static constexpr EventInfo info{"io_submit", Subsystem::io, "request thread arrival"};
  std::uint64_t request;
  std::uint64_t thread;
  std::uint64_t arrival;
  Words3 words() const { return {request, thread, arrival}; }
};

/// The design has taken the request over.
struct IoAccepted {
  static constexpr EventInfo info{"io_accepted", Subsystem::io, "request"};
  std::uint64_t request;
  Words1 words() const { return {request}; }
};

/// The result can be seen by the application.
struct IoComplete {
  static constexpr EventInfo info{"io_complete", Subsystem::io, "request result"};
  std::uint64_t request;
  std::uint64_t result;
  Words2 words() const { return {request, result}; }
};

/// The application has taken the result.
struct IoReap {
  static constexpr EventInfo info{"io_reap", Subsystem::io, "request result"};
  std::uint64_t request;
  std::uint64_t result;
  Words2 words() const { return {request, result}; }
};

/// An entry of a completion ring can be seen by the application. Shown only.
struct RingPosted {
  static constexpr EventInfo info{"ring_posted", Subsystem::io, ""};
  Words0 words() const { return {}; }
};

/// The application has taken an entry out of a completion ring. Shown only.
struct RingTaken {
  static constexpr EventInfo info{"ring_taken", Subsystem::io, ""};
  Words0 words() const { return {}; }
};

}  // namespace iodrome::events
